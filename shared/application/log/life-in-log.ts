import { knownTime } from '../../domain/times.ts'
import { nextOffset, type EventLog, type LogRecord } from '../../ports/event-log.ts'
import type { FirstUncounted } from '../ledger/first-uncounted.ts'
import { readBeyondUnreadable } from './read-beyond-unreadable.ts'

/** Of the records that are waiting or were passed over, the one that is closest to leaving the log. */
export interface LifeInLog {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /**
   * The fraction of the record's life in the log that has passed, by age or by size, whichever is greater. Once this
   * fraction reaches 1, the log may remove the record.
   */
  readonly used: number
  /** Whether the log keeps the record until it is processed, even after `used` has reached 1. */
  readonly staysUntilProcessed: boolean
}

/** Once a record has used up this share of its time in the log, an operator has to act. */
export const LIFE_TO_WARN_OF = 0.5

const RECORDS_TO_WEIGH = 10
const RECORD_OVERHEAD_BYTES = 70

/**
 * Finds the record that is closest to leaving the log, among those that a group has not committed or the ledger has not
 * counted. Undefined if there is no such record, or if the topic keeps everything. A record may stay longer, because
 * Kafka deletes whole segments. The number of bytes after the record is estimated from the sizes of the next few
 * records, because only the broker knows the size on disk.
 */
export function createLifeInLog(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'read' | 'retention'>
  firstUncounted: FirstUncounted
  now: () => number
}): (topic: string, groupId: string) => Promise<LifeInLog | undefined> {
  const { log, firstUncounted, now } = dependencies

  return async function lifeInLog(topic, groupId) {
    const committed = await log.committed(groupId, topic)
    const uncounted = await firstUncounted(topic)
    const offsets = await log.offsets(topic)
    const waiting = offsets
      .map((place) => {
        const { partition, first } = place
        return {
          ...place,
          next: Math.max(first, Math.min(nextOffset(committed, place), uncounted.get(partition) ?? Infinity)),
        }
      })
      .filter(({ next, end }) => next < end)
    if (waiting.length === 0) return undefined
    const { maxAgeMs, maxBytes, keepsUnprocessed: staysUntilProcessed = false } = await log.retention(topic)
    if (maxAgeMs === null && maxBytes === null) return undefined

    const lives = await Promise.all(
      waiting.map(async ({ partition, next, end }): Promise<LifeInLog> => {
        const records = await readBeyondUnreadable(log, topic, partition, next, RECORDS_TO_WEIGH)
        const [oldest] = records
        const ageMs = now() - (knownTime(oldest?.timestamp ?? 0) ?? now())
        const bytes = (end - next) * meanSize(records)
        const used = Math.max(maxAgeMs === null ? 0 : ageMs / maxAgeMs, maxBytes === null ? 0 : bytes / maxBytes)
        return { topic, partition, offset: oldest?.offset ?? next, used, staysUntilProcessed }
      }),
    )
    return lives.reduce((one, other) => (other.used > one.used ? other : one))
  }
}

function meanSize(records: readonly LogRecord[]): number {
  if (records.length === 0) return 0
  const bytes = records.map(
    ({ key, value, headers }) =>
      RECORD_OVERHEAD_BYTES +
      (key?.length ?? 0) +
      (value?.length ?? 0) +
      headers.reduce((sum, [name, header]) => sum + name.length + (header?.length ?? 0), 0),
  )
  return bytes.reduce((sum, size) => sum + size, 0) / records.length
}
