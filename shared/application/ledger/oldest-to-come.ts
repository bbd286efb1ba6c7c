import type { EventLog } from '../../ports/event-log.ts'
import { readBeyondUnreadable } from '../log/read-beyond-unreadable.ts'
import type { ExaminedLine } from './examine-ledger.ts'

/**
 * Returns a time, in milliseconds since 1970: every readable record of the topic with an earlier timestamp has been
 * processed. Returns `now` if no record is waiting.
 */
export async function oldestToCome(
  log: Pick<EventLog, 'read'>,
  topic: string,
  lines: readonly ExaminedLine[],
  now: number,
): Promise<number> {
  let oldest = now
  for (const { row, end } of lines) {
    if (row.next >= end) continue
    const [record] = await readBeyondUnreadable(log, topic, row.partition, row.next, 1)
    if (record !== undefined) oldest = Math.min(oldest, record.timestamp)
  }
  return oldest
}
