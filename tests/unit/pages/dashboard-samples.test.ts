import { describe, expect, it, test } from 'vitest'
import type { HistoryPoint } from '../../../shared/application/operations/pipeline-history.ts'
import type { PipelineStatus } from '../../../shared/application/operations/status.ts'

// The module is JavaScript that the compiler checks against a browser's types, so its shape is declared again here.
interface Samples {
  add(status: PipelineStatus): Record<'accepted' | 'stored' | 'p50' | 'p99', number | null>
  hasGapBefore(status: PipelineStatus): boolean
  addHistory(points: readonly HistoryPoint[]): void
  addOrders(orders: readonly { acceptedAt: string; storedAt: string; recovered?: boolean }[]): void
  all(): readonly { at: number; accepted: number | null; lag: number; p99: number | null }[]
}
const { createSamples, percentile, rateOf } = (await import(
  String(new URL('../../../shared/pages/dashboard/client/page/samples.js', import.meta.url))
)) as {
  createSamples: (options: { keepSeconds: number }) => Samples
  percentile: (values: readonly number[], share: number) => number | null
  rateOf: (before: number, after: number, ms: number) => number | null
}

const START = Date.parse('2026-01-01T00:00:00.000Z')
const instant = (second: number) => new Date(START + second * 1000).toISOString()

function statusAt(second: number, records: number, stored = records): PipelineStatus {
  const parked = { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 }
  const check = { available: true, required: true }
  return {
    at: instant(second),
    orders: {
      topic: 'orders',
      records,
      stored,
      duplicate: 0,
      lag: 0,
      behindTransaction: 0,
      consumers: 1,
      partitions: [],
    },
    retries: [],
    deadLetters: { topic: 'orders-dlt', records: 0, waiting: 0 },
    parked,
    readiness: { ready: true, checks: { log: check, store: check } },
  }
}
const { msBetween, toTime } = (await import(
  String(new URL('../../../shared/pages/dashboard/client/page/format.js', import.meta.url))
)) as {
  msBetween: (start: string | undefined, end: string) => number | undefined
  toTime: (instant: string) => string
}

describe('the samples of the dashboard', () => {
  it('derive rates from counters, by the server’s clock', () => {
    const samples = createSamples({ keepSeconds: 60 })
    expect(samples.add(statusAt(0, 100))).toMatchObject({ accepted: null, stored: null })
    expect(samples.add(statusAt(2, 300, 200))).toMatchObject({ accepted: 100, stored: 50 })
  })

  it('start from the product’s history on every page, and continue with their own', () => {
    const figures = { stored: 0, storedLater: 0, deadLetters: 0, lag: 3, retrying: 0, dead: 0, p50Ms: 5, p99Ms: 9 }
    const points = [0, 5, 10, 60].map((second) => ({ at: instant(second), records: second * 10, ...figures }))
    const samples = createSamples({ keepSeconds: 3600 })
    expect(samples.hasGapBefore(statusAt(61, 610))).toBe(true)
    samples.addHistory(points)
    samples.add(statusAt(61, 610))
    expect(samples.hasGapBefore(statusAt(62, 620))).toBe(false)
    expect(samples.hasGapBefore(statusAt(75, 620))).toBe(true)
    samples.add(statusAt(62, 620))
    const seen = samples.all().map(({ at, accepted }) => [at - START / 1000, accepted])
    expect(seen).toEqual([
      [0, null],
      [5, 10],
      [10, 10],
      // The product took no samples for fifty seconds.
      [60, null],
      [61, 10],
      [62, 10],
    ])
    expect(samples.all()[1]).toMatchObject({ lag: 3, p99: 9 })
    samples.addHistory([...points, { ...points[3]!, at: instant(61.5), records: 615 }])
    expect(samples.all().map(({ at }) => at - START / 1000)).toEqual([0, 5, 10, 60, 61.5, 62])
    // A product that has just been restarted has a short history, or none.
    samples.addHistory([{ ...points[3]!, at: instant(70) }])
    samples.addHistory([])
    expect(samples.all().map(({ at }) => at - START / 1000)).toEqual([0, 5, 10, 60, 61.5, 62, 70])
  })

  it('have gaps, not zeros, where the store was unavailable', () => {
    const gone = { stored: null, storedLater: null, retrying: null, dead: null, p50Ms: null, p99Ms: null }
    const there = { stored: 0, storedLater: 0, retrying: 1, dead: 2, p50Ms: null, p99Ms: null }
    const points = [there, gone, there].map((figures, index) => ({
      at: instant(index * 5),
      records: index * 10,
      deadLetters: 0,
      lag: index,
      ...figures,
    }))
    const samples = createSamples({ keepSeconds: 60 })
    samples.addHistory(points)
    expect(samples.all()[1]).toMatchObject({ accepted: 2, stored: null, lag: 1, retrying: null, dead: null })
    expect(samples.all()[2]).toMatchObject({ accepted: 2, stored: null, lag: 2, retrying: 1, dead: 2 })
  })

  it('have no rate for unwatched time, nor for a counter that restarted', () => {
    expect(rateOf(0, 1000, 60_000)).toBeNull()
    expect(rateOf(10, 3, 1000)).toBeNull()
    expect(rateOf(10, 10, 0)).toBeNull()
  })

  it('count each order once, without redriven ones', () => {
    const samples = createSamples({ keepSeconds: 60 })
    const fast = { acceptedAt: instant(0), storedAt: instant(1) }
    const slow = { acceptedAt: instant(0), storedAt: instant(3) }
    samples.addOrders([slow, fast, { acceptedAt: instant(-900), storedAt: instant(2), recovered: true }])
    samples.addOrders([slow, fast])
    expect(samples.add(statusAt(4, 1))).toMatchObject({ p50: 1000, p99: 3000 })
    expect(samples.add(statusAt(20, 1))).toMatchObject({ p50: null, p99: null })
  })

  it('are kept for the range that the charts show', () => {
    const samples = createSamples({ keepSeconds: 10 })
    for (const second of [0, 5, 12]) samples.add(statusAt(second, 1))
    expect(samples.all().map(({ at }) => at - START / 1000)).toEqual([5, 12])
  })

  it('have percentiles that were really measured', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.5)]).toEqual([50, 99, 7])
    expect(percentile([], 0.5)).toBeNull()
  })
})

test('no duration is shown where a time is unknown, and none below zero', () => {
  expect(msBetween('1970-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')).toBeUndefined()
  expect(msBetween(undefined, '2026-01-01T00:00:00.000Z')).toBeUndefined()
  expect(msBetween('2026-01-01T00:00:01.000Z', '2026-01-01T00:00:00.000Z')).toBe(0)
  expect(msBetween('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z')).toBe(1000)
  expect(toTime('1970-01-01T00:00:00.000Z')).toBe('unknown')
})
