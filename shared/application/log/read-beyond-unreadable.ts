import { unreadableOffsets, type OffsetRange } from '../../domain/errors.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'

/** How many records are asked for where a partition is gone through. */
export const RECORDS_AT_ONCE = 500

/** What one read gave: records, or offsets that cannot be read. */
export interface ReadPart {
  readonly records: readonly LogRecord[]
  /** Where to read on; infinite at the end. */
  readonly behind: number
  /** There instead of records. */
  readonly unreadable?: OffsetRange & { readonly error: unknown }
}

/** As the log's `read`, which rejects where the first record cannot be read: this says how far that goes. */
export async function readPart(
  log: Pick<EventLog, 'read'>,
  topic: string,
  partition: number,
  from: number,
  limit: number,
): Promise<ReadPart> {
  try {
    const records = await log.read(topic, partition, from, limit)
    return { records, behind: (records.at(-1)?.offset ?? Infinity) + 1 }
  } catch (error) {
    const unreadable = unreadableOffsets(error)
    if (unreadable === undefined) throw error
    return { records: [], behind: unreadable.to, unreadable: { ...unreadable, error } }
  }
}

/** Each is a fetch of its own, and whoever asks for figures waits for the answer. */
const MAX_PASSED = 10

/**
 * The first records from there on that can be read, for figures that a batch nobody can read must not take away: times
 * ascend, so what lies behind it is a lower bound. Empty where there is none, or only behind more than ten such batches.
 */
export async function readBeyondUnreadable(
  log: Pick<EventLog, 'read'>,
  topic: string,
  partition: number,
  fromOffset: number,
  limit: number,
): Promise<readonly LogRecord[]> {
  let from = fromOffset
  for (let passed = 0; passed < MAX_PASSED; passed++) {
    const { records, behind, unreadable } = await readPart(log, topic, partition, from, limit)
    if (unreadable === undefined) return records
    from = behind
  }
  return []
}
