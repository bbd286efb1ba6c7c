import { describe, expect, it } from 'vitest'
import { createPipelineHistory, POINT_EVERY_MS } from '../../shared/application/pipeline-history.ts'
import type { PipelineStatus } from '../../shared/application/status.ts'
import type { OrderView } from '../../shared/domain/order-view.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const START = Date.UTC(2026, 0, 1)
const instant = (ms: number) => new Date(START + ms).toISOString()
const CHECK = { available: true, required: true }
const PARKED = { retrying: 2, stored: 4, duplicate: 0, dead: 1, discarded: 0, redriven: 0 }

/** What is kept of so many looks, numbered from 1, of which ten records come in between two. */
async function keptOf(looks: number, { failsAt = 0, newestAt = (_look: number): Partial<OrderView>[] => [] } = {}) {
  const clock = createVirtualClock(START)
  const stopping = new AbortController()
  const errors: unknown[] = []
  let look = 0
  const history = createPipelineHistory({
    async pipelineStatus(): Promise<PipelineStatus> {
      look += 1
      if (look === looks) stopping.abort()
      if (look === failsAt) throw new Error('away')
      const orders = { topic: 'orders', records: look * 10, stored: 6, duplicate: 0, lag: 3, behindTransaction: 0 }
      return {
        at: new Date(clock.now()).toISOString(),
        orders: { ...orders, partitions: [] },
        retries: [],
        deadLetters: { topic: 'orders-dlt', records: 5, waiting: 0 },
        parked: PARKED,
        readiness: { ready: true, checks: { log: CHECK, store: CHECK } },
      }
    },
    views: { list: async () => ({ items: newestAt(look) as OrderView[], nextCursor: null }) },
    clock,
    signal: stopping.signal,
    onError: (error) => errors.push(error),
  })
  await history.run()
  return { points: history.points(), errors }
}

describe('the history of the pipeline', () => {
  it('has the figures of each moment', async () => {
    const { points } = await keptOf(2)
    const figures = { stored: 10, storedLater: 4, deadLetters: 5, lag: 3, retrying: 2, dead: 1 }
    expect(points).toMatchObject([
      { at: instant(0), records: 10, ...figures },
      { at: instant(POINT_EVERY_MS), records: 20, ...figures },
    ])
  })

  it('is an hour long, however long the process lives', async () => {
    const inAnHour = 3_600_000 / POINT_EVERY_MS
    const { points } = await keptOf(inAnHour + 50)
    expect(points).toHaveLength(inAnHour)
    expect(points.at(-1)).toMatchObject({ records: (inAnHour + 50) * 10 })
  })

  it('lacks moments in which the store was away, and goes on after them', async () => {
    const { points, errors } = await keptOf(3, { failsAt: 2 })
    expect(errors).toMatchObject([{ message: 'away' }])
    expect(points.map(({ at }) => at)).toEqual([instant(0), instant(2 * POINT_EVERY_MS)])
  })

  it('has the other figures of a moment in which orders could not be read', async () => {
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

  it('says how long orders took that were stored since the moment before, and not what an operator redrove', async () => {
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
