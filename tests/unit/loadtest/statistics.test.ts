import { array, assert, double, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Latencies, missed } from '../../../loadtest/sending/latencies.ts'
import { createOrderSample } from '../../../loadtest/order-sample.ts'
import { distributionOf, median, percentileOf, Samples, summarize } from '../../../loadtest/statistics.ts'

const oneToThousand = Float64Array.from({ length: 1000 }, (_, index) => index + 1)

describe('statistics', () => {
  it('are exact, by nearest rank', () => {
    expect(summarize(oneToThousand)).toEqual({
      count: 1000,
      mean: 500.5,
      min: 1,
      p50: 500,
      p90: 900,
      p95: 950,
      p99: 990,
      p999: 999,
      max: 1000,
    })
  })

  it('of nothing are empty', () => {
    expect(summarize(new Float64Array())).toBeUndefined()
    expect(distributionOf(new Float64Array())).toEqual([])
  })

  it('give a measured percentile that the given share of samples does not exceed', () => {
    assert(
      property(
        array(double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1, maxLength: 300 }),
        integer({ min: 1, max: 100 }),
        (values, percentile) => {
          const value = percentileOf(Float64Array.from(values).sort(), percentile)
          expect(values).toContain(value)
          const covered = values.filter((one) => one <= value).length
          expect(covered * 100).toBeGreaterThanOrEqual(percentile * values.length)
        },
      ),
    )
  })

  it('draw the distribution to its end, and never downwards', () => {
    const points = distributionOf(oneToThousand)
    expect(points[0]).toEqual({ percentile: 0, value: 1 })
    expect(points.at(-1)).toEqual({ percentile: 100, value: 1000 })
    const values = points.map(({ value }) => value)
    expect(values).toEqual(values.toSorted((one, other) => one - other))
  })

  it('keep every sample, however many', () => {
    const samples = new Samples()
    for (let value = 5000; value > 0; value -= 1) samples.add(value)
    expect([samples.length, samples.at(4999), samples.toSorted()[0]]).toEqual([5000, 1, 1])
    expect(samples.toSorted(3)).toEqual(Float64Array.of(1, 2, 3))
  })

  it('take the median of rounds', () => {
    expect(median([30, 10, 20])).toBe(20)
  })
})

describe('latencies', () => {
  it('include the requests that a late answer held back, as if they had been sent on time', () => {
    expect([...missed(350, 100)]).toEqual([100, 200])
    const latencies = new Latencies()
    latencies.add({ atMs: 350, tookMs: 350, intervalMs: 100 })
    latencies.add({ atMs: 460, tookMs: 10, intervalMs: 100 })
    expect(latencies.omitted).toBe(2)
    expect(latencies.corrected().summary).toMatchObject({ count: 4, min: 10, max: 350, p50: 150 })
    expect(latencies.observed().summary).toMatchObject({ count: 2, mean: 180 })
  })

  it('are left alone when every answer came in time, or no rate was set', () => {
    const latencies = new Latencies()
    latencies.add({ atMs: 100, tookMs: 100, intervalMs: 1000 })
    latencies.add({ atMs: 5000, tookMs: 5000 })
    expect(latencies.omitted).toBe(0)
    expect(latencies.corrected()).toEqual(latencies.observed())
  })

  it('count from when a request was due, and also show the time from sending to the answer', () => {
    const latencies = new Latencies()
    latencies.add({ atMs: 700, tookMs: 600, waitedMs: 580 })
    latencies.add({ atMs: 10_000, tookMs: 10_000, waitedMs: 10_000 })
    expect(latencies.corrected().summary).toMatchObject({ count: 2, min: 600, max: 10_000 })
    // The second was never sent.
    expect(latencies.observed().summary).toMatchObject({ count: 1, max: 20 })
  })

  it('are grouped by the second of sending', () => {
    const latencies = new Latencies()
    latencies.add({ atMs: 2500, tookMs: 2400, intervalMs: 1000 })
    expect(latencies.corrected().timeline).toEqual([
      { second: 0, count: 1, p50: 2400, p99: 2400, max: 2400 },
      { second: 1, count: 1, p50: 1400, p99: 1400, max: 1400 },
    ])
  })
})

describe('a sample of orders', () => {
  it('keeps all while there are few, and is spread over all when there are many', () => {
    const sample = createOrderSample(10)
    for (let index = 0; index < 10; index += 1) sample.add(String(index))
    expect(sample.paths).toHaveLength(10)
    for (let index = 10; index < 1000; index += 1) sample.add(String(index))
    const kept = sample.paths.map(Number)
    expect(kept.length).toBeGreaterThanOrEqual(5)
    expect(kept.length).toBeLessThanOrEqual(10)
    const strides = kept.slice(1).map((index, place) => index - (kept[place] ?? 0))
    expect(new Set(strides).size).toBe(1)
  })
})
