import type { Topics } from '../../messaging/topics.ts'
import type { Ledger } from '../../ports/ledger.ts'

/**
 * By partition, the first offset that the ledger has not counted, or has counted as passed over. Empty for topics that
 * the ledger does not count, and while the store is unavailable.
 */
export type FirstUncounted = (topic: string) => Promise<ReadonlyMap<number, number>>

const MAX_GAPS = 1000

export function createFirstUncounted(dependencies: {
  ledger: Pick<Ledger, 'read'>
  topics: Topics
  /** Called if the store is unavailable. */
  onError: (error: unknown) => void
}): FirstUncounted {
  const { ledger, topics, onError } = dependencies

  return async function firstUncounted(topic) {
    if (topic !== topics.orders) return new Map()
    try {
      const { partitions, gaps } = await ledger.read(topics.group, topic, MAX_GAPS)
      const firsts = new Map<number, number>()
      for (const row of partitions) firsts.set(row.partition, row.next)
      for (const gap of gaps.toReversed()) firsts.set(gap.partition, gap.from)
      return firsts
    } catch (error) {
      onError(error)
      return new Map()
    }
  }
}
