import { unreadableOffsets } from '../domain/errors.ts'
import type { EventLog, LogRecord } from '../ports/event-log.ts'

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
    try {
      return await log.read(topic, partition, from, limit)
    } catch (error) {
      const unreadable = unreadableOffsets(error)
      if (unreadable === undefined) throw error
      from = unreadable.to
    }
  }
  return []
}
