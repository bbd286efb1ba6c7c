import { setTimeout } from 'node:timers/promises'
import type { Broker } from '../client/cluster.ts'

type Fetch = Broker['fetch']
type Request = Parameters<Fetch>[0]
type Response = Awaited<ReturnType<Fetch>>

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
 * Changes how one consumer fetches from each of its brokers.
 *
 * While records keep arriving, fetches are spaced, so that each of them finds more records and each transaction stores
 * more orders (decision 042). A record that arrives alone does not wait, and neither do records that a fetch left
 * behind because of its limits.
 *
 * Each fetch asks for the partitions in a different order, because a broker returns a batch that exceeds a partition's
 * limit only for the first partition that has records. kafkajs 2.2.4 always asks in the same order, so such a batch
 * would wait for as long as an earlier partition keeps receiving records.
 */
export function createConsumerFetch({ now, sleep } = TIMER): (fetch: Fetch) => Fetch {
  let nextAtMs = 0
  return (fetch) => {
    let turn = 0
    return async (request) => {
      const waitMs = nextAtMs - now()
      if (waitMs > 0) await sleep(waitMs)
      const startedAtMs = now()
      const response = await fetch(rotated(request, turn++))
      const { records, areAll } = found(response)
      if (records >= BUSY_RECORDS && areAll) nextAtMs = Math.max(nextAtMs, startedAtMs + INTERVAL_MS)
      return response
    }
  }
}

function rotated(request: Request, turn: number): Request {
  const topics = request.topics.map(({ topic, partitions }) => {
    const first = turn % Math.max(1, partitions.length)
    return { topic, partitions: [...partitions.slice(first), ...partitions.slice(0, first)] }
  })
  return { ...request, topics }
}

/** The number of records, and whether they are all that the partitions had. */
function found({ responses }: Response): { readonly records: number; readonly areAll: boolean } {
  let records = 0
  let areAll = true
  for (const { highWatermark, messages } of responses.flatMap(({ partitions }) => partitions)) {
    const [carrier] = messages
    if (carrier === undefined) continue
    records += carrier.decoded.records.length
    areAll &&= carrier.decoded.next >= Number(highWatermark)
  }
  return { records, areAll }
}
