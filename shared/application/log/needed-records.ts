import { originOf } from '../../messaging/parking/parking.ts'
import type { Topics } from '../../messaging/topics.ts'
import { nextOffset, type EventLog, type PartitionOffsets } from '../../ports/event-log.ts'
import type { Ledger, LedgerSnapshot } from '../../ports/ledger.ts'
import { readPart, RECORDS_AT_ONCE } from './read-beyond-unreadable.ts'

/** Why old records stay in the log. The reason is also a label of a metric. */
export type KeptBy = 'group' | 'ledger' | 'copies' | 'damage' | 'maintenance'

/** For one partition, the first record that somebody still needs. */
export interface Need extends PartitionOffsets {
  readonly from: number
  readonly by: KeptBy
  /** Why the record is still needed, as a clause in a message to an operator. */
  readonly why: string
}

interface NeedsOfLog {
  readonly log: Pick<EventLog, 'offsets' | 'committed' | 'readers' | 'read' | 'identity'>
  readonly ledger: Pick<Ledger, 'read'>
  readonly topics: Topics
}

const MAX_GAPS = 1000
/**
 * The maximum number of copies that a round reads. If more are waiting, the orders topic keeps its records until the
 * next round.
 */
const MAX_COPIES = 20_000

/**
 * Finds the first record that is still needed in each partition. Every group that has read the topic needs the records
 * from its committed offset on. The same is true of the product's own group, even if it has never committed anything.
 * In the orders topic, the ledger needs the records that it has not counted, and those that it counted as passed over.
 */
export async function neededIn(
  { log, ledger, topics }: NeedsOfLog,
  { topic, group }: { topic: string; group: string },
): Promise<readonly Need[]> {
  const groups = [...new Set([group, ...(await log.readers(topic))])]
  const readers = await Promise.all(groups.map(async (id) => ({ id, committed: await log.committed(id, topic) })))
  const countedUntil =
    topic === topics.orders
      ? toCount(await ledger.read(topics.group, topic, MAX_GAPS), await log.identity(topic))
      : () => Number.POSITIVE_INFINITY
  // The offsets are read last, because records arrive and are counted in the meantime. If the end offsets were read
  // first, the log could look truncated.
  const places = await log.offsets(topic)
  return places.map((place) => {
    const ofLedger = { from: countedUntil(place), by: 'ledger' as const, why: 'the ledger has not accounted for them' }
    const needs = readers.map(({ id, committed }): Omit<Need, keyof PartitionOffsets> => ({
      from: nextOffset(committed, place),
      by: 'group',
      why: `the consumer group ${id} has not read them`,
    }))
    return [...needs, ofLedger]
      .map((need) => ({ ...place, ...need }))
      .reduce((one, other) => (other.from < one.from ? other : one))
  })
}

/**
 * Returns a function that gives, for a partition, the first offset that the ledger still needs. The offset is negative
 * infinity if the ledger has the counts of another log, because those counts say nothing about the records in this one.
 */
function toCount({ logs, partitions, gaps }: LedgerSnapshot, logId: string | null) {
  const [counted] = logs
  const isCounted = counted !== undefined && counted.brokenBy === null && counted.id === logId

  return ({ partition, end }: PartitionOffsets): number => {
    const isHere = (range: { partition: number }) => range.partition === partition
    const row = partitions.find(isHere)
    if (!isCounted || row === undefined || row.next > end) return Number.NEGATIVE_INFINITY
    if (row.gaps === 0) return row.next
    // If the list of gaps was cut off before it reached this partition, the first gap is unknown.
    return gaps.find(isHere)?.from ?? row.first
  }
}

/**
 * For each partition of the orders topic, the lowest origin of all copies that are waiting in a current or former retry
 * topic or in the dead-letter topic. If a copy is a stub, only the orders topic has its value. Undefined if too many
 * copies are waiting.
 *
 * Topics are read in the order in which a record passes through them. A record is in the next topic before it is
 * committed in the previous one, so no copy is missed. Call this only after `neededIn` for the orders topic; otherwise
 * copies could be missed.
 */
export async function firstOrigins(
  { log, topics }: Pick<NeedsOfLog, 'log' | 'topics'>,
  former: readonly { topic: string; group: string }[],
): Promise<ReadonlyMap<number, number> | undefined> {
  const firsts = new Map<number, number>()
  let copies = 0
  // A record that was in a former retry topic goes to the dead-letter topic next.
  const parking = [...topics.retries, ...former, { topic: topics.deadLetters, group: topics.deadLetterGroup }]
  for (const { topic, group } of parking) {
    const committed = await log.committed(group, topic)
    for (const place of await log.offsets(topic)) {
      for (let next = nextOffset(committed, place); next < place.end;) {
        const { records, behind } = await readPart(log, topic, place.partition, next, RECORDS_AT_ONCE)
        next = behind
        copies += records.length
        if (copies > MAX_COPIES) return undefined
        for (const origin of records.map(originOf)) {
          if (origin.topic !== topics.orders) continue
          firsts.set(origin.partition, Math.min(firsts.get(origin.partition) ?? origin.offset, origin.offset))
        }
      }
    }
  }
  return firsts
}
