import { describe, expect, it } from 'vitest'
import { createPipelineHistory, POINT_EVERY_MS } from '../../../../shared/application/operations/pipeline-history.ts'
import type { OrderView } from '../../../../shared/domain/order-view.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { Ledger } from '../../../../shared/ports/ledger.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const START = Date.UTC(2026, 0, 1)
const instant = (ms: number) => new Date(START + ms).toISOString()
const TOPICS = createTopics('orders', 'group', [])

type LedgerRead = Awaited<ReturnType<Ledger['read']>>

const PARKED = { retrying: 2, stored: 4, duplicate: 0, dead: 1, discarded: 0, redriven: 0 }

/** The history after this many samples, numbered from 1, with ten records arriving between samples. */
async function keptOf(
  looks: number,
  {
    logFailsAt = 0,
    storeFailsAt = 0,
    storeHangsAt = 0,
    newestAt = (_look: number): Partial<OrderView>[] => [],
    storedAt = (look: number) => look,
  } = {},
) {
  const clock = createVirtualClock(START)
  const stopping = new AbortController()
  const errors: unknown[] = []
  let look = 0
  const reads = { orders: 0 }
  const history = createPipelineHistory({
    log: {
      async offsets(topic) {
        if (topic === TOPICS.orders) {
          look += 1
          if (look === looks) stopping.abort()
          if (look === logFailsAt) throw new Error('away')
        }
        // The first offset grows too: records leave the log, but they still count.
        return [{ partition: 0, first: look, end: topic === TOPICS.orders ? look * 10 : 5 }]
      },
      async committed() {
        // Waits so that `offsets`, which is called at the same time, counts the sample first.
        await Promise.resolve()
        return new Map([[0, look * 10 - 3]])
      },
    },
    ledger: {
      async read() {
        if (look === storeFailsAt) throw new Error('away')
        if (look === storeHangsAt) return new Promise(() => undefined)
        return { partitions: [{ stored: storedAt(look) }], parked: PARKED } as unknown as LedgerRead
      },
    },
    views: {
      async list() {
        reads.orders += 1
        return { items: newestAt(look) as OrderView[], nextCursor: null }
      },
    },
    topics: TOPICS,
    clock,
    signal: stopping.signal,
    onError: (error) => errors.push(error),
  })
  await history.run()
  return { points: history.points(), errors, reads }
}

describe('the history of the pipeline', () => {
  it('has the figures at each moment', async () => {
    const { points } = await keptOf(2)
    const figures = { storedLater: 4, deadLetters: 5, lag: 3, retrying: 2, dead: 1 }
    expect(points).toMatchObject([
      { at: instant(0), records: 10, stored: 5, ...figures },
      { at: instant(POINT_EVERY_MS), records: 20, stored: 6, ...figures },
    ])
  })

  it('is an hour long, however long the process lives', async () => {
    const inAnHour = 3_600_000 / POINT_EVERY_MS
    const { points } = await keptOf(inAnHour + 50)
    expect(points).toHaveLength(inAnHour)
    expect(points.at(-1)).toMatchObject({ records: (inAnHour + 50) * 10 })
  })

  it('lacks the moments at which the log was unavailable, and continues after them', async () => {
    const { points, errors } = await keptOf(3, { logFailsAt: 2 })
    expect(errors).toMatchObject([{ message: 'away' }])
    expect(points.map(({ at }) => at)).toEqual([instant(0), instant(2 * POINT_EVERY_MS)])
  })

  it.each([
    ['is unavailable', { storeFailsAt: 2 }],
    ['does not answer', { storeHangsAt: 2 }],
  ])('has the log’s figures at a moment at which the store %s', async (_, when) => {
    const { points } = await keptOf(2, when)
    const unknown = { stored: null, storedLater: null, retrying: null, dead: null, p50Ms: null, p99Ms: null }
    expect(points[1]).toEqual({ at: instant(POINT_EVERY_MS), records: 20, deadLetters: 5, lag: 3, ...unknown })
  })

  it('reads orders only when some were stored', async () => {
    const { reads } = await keptOf(5, { storedAt: (look) => (look < 4 ? 1 : 2) })
    expect(reads.orders).toBe(2)
  })

  it('has the other figures at a moment at which orders could not be read', async () => {
    const { points, errors } = await keptOf(2, {
      newestAt: () => {
        throw new Error('away')
      },
    })
    expect(errors).toMatchObject([{ message: 'away' }])
    expect(points).toMatchObject([
      { lag: 3, p99Ms: null },
      { lag: 3, p99Ms: null },
    ])
  })

  it('has the latency of orders stored since the moment before, without redriven ones', async () => {
    const stored = (took: number, at: number, more: Partial<OrderView> = {}) => ({
      acceptedAt: instant(at - took),
      storedAt: instant(at),
      ...more,
    })
    const old = [stored(9000, -1)]
    const fresh = [stored(10, 1000), stored(30, 1000), stored(20, 2000), stored(60_000, 1500, { recovered: true })]
    const unknown = stored(START + 3000, 3000)
    const { points } = await keptOf(3, { newestAt: (look) => (look === 1 ? old : [unknown, ...fresh, ...old]) })
    expect(points.map(({ p50Ms, p99Ms }) => [p50Ms, p99Ms])).toEqual([
      [null, null],
      [20, 30],
      [null, null],
    ])
  })
})
