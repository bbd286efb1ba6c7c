import { setTimeout } from 'node:timers/promises'
import type { Broker } from '../client/cluster.ts'
import type { ChangeFetch } from '../client/own-formats.ts'

type FetchResponse = Awaited<ReturnType<Broker['fetch']>>

interface Timer {
  /** In ms. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}

const TIMER: Timer = { now: () => performance.now(), sleep: (ms) => setTimeout(ms) }
/** If a fetch returns fewer records than this, they are treated as arriving one at a time. */
const BUSY_RECORDS = 8
const INTERVAL_MS = 20

/**
 * Spaces out the fetches of one consumer while records keep arriving, so that each fetch finds more records and each
 * transaction stores more orders (decision 042). All brokers that the consumer reads from share one interval. A record
 * that arrives alone does not wait, and neither does the next fetch from a broker if the last one left records behind
 * because of its limits.
 */
export function createConsumerFetch({ now, sleep } = TIMER): ChangeFetch {
  let nextAtMs = 0
  return (fetch) => {
    let isBehind = false
    return async (request) => {
      const waitMs = isBehind ? 0 : nextAtMs - now()
      if (waitMs > 0) await sleep(waitMs)
      const startedAtMs = now()
      const response = await fetch(request)
      isBehind = leftRecordsBehind(response)
      if (!isBehind && recordsIn(response) >= BUSY_RECORDS) nextAtMs = Math.max(nextAtMs, startedAtMs + INTERVAL_MS)
      return response
    }
  }
}

function recordsIn({ responses }: FetchResponse): number {
  const carriers = responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages))
  return carriers.reduce((total, { decoded }) => total + decoded.records.length, 0)
}

/**
 * Whether any partition has more records that consumers may read. Even a partition from which nothing was fetched may
 * have some, if its next batch exceeds the limits.
 */
function leftRecordsBehind({ responses }: FetchResponse): boolean {
  return responses.some(({ partitions }) =>
    partitions.some(({ next, lastStableOffset }) => next < Number(lastStableOffset)),
  )
}
