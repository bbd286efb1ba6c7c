import { unreadableOffsets, type OffsetRange } from '../../domain/errors.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'

/** How many records to request at once when reading through a partition. */
export const RECORDS_AT_ONCE = 500

/** The result of one read: records, or offsets that cannot be read. */
export interface ReadPart {
  readonly records: readonly LogRecord[]
  /** The offset at which to continue reading; Infinity at the end. */
  readonly behind: number
  /** Present instead of records. */
  readonly unreadable?: OffsetRange & { readonly error: unknown }
}

/** Like the log's `read`, but if the first record cannot be read, returns the range of unreadable offsets. */
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

/** There is a limit, because each unreadable batch needs its own fetch while somebody is waiting for the figures. */
const MAX_PASSED = 10

/**
 * The first readable records at or after the offset. They give a minimum age for an unreadable batch before them:
 * timestamps ascend, so the batch is at least as old as these records. Empty if no such record exists, or if at least
 * ten unreadable batches come first.
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
