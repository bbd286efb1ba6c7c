/** Numbers in insertion order, in one typed array, because a run has millions of them. */
export class Samples {
  #values = new Float64Array(1024)
  #length = 0

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const wider = new Float64Array(this.#length * 2)
      wider.set(this.#values)
      this.#values = wider
    }
    this.#values[this.#length] = value
    this.#length += 1
  }

  include(other: Samples): void {
    for (let index = 0; index < other.length; index += 1) this.add(other.at(index))
  }

  get length(): number {
    return this.#length
  }

  at(index: number): number {
    return this.#values[index] ?? Number.NaN
  }

  /** All samples, sorted; with `latest`, only that many of the most recent ones. */
  toSorted(latest = this.#length): Float64Array {
    return this.#values.slice(Math.max(0, this.#length - latest), this.#length).sort()
  }
}

/** Exact statistics over all samples, in the samples' unit; nothing is rounded into buckets. */
export type Summary = Readonly<NonNullable<ReturnType<typeof summarize>>>

/** `percentile` percent of the samples are at most `value`. */
export interface DistributionPoint {
  readonly percentile: number
  readonly value: number
}

/** Undefined when there are no samples. */
export function summarize(sorted: Float64Array) {
  const max = sorted.at(-1)
  const min = sorted[0]
  if (max === undefined || min === undefined) return undefined
  const at = (percentile: number) => round(percentileOf(sorted, percentile))
  const mean = sorted.reduce((total, value) => total + value, 0) / sorted.length
  return {
    count: sorted.length,
    mean: round(mean),
    min: round(min),
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: round(max),
  }
}

/** Uses the nearest rank, so the result is always a measured value. */
export function percentileOf(sorted: Float64Array, percentile: number): number {
  // 99.9 % of 1000 is 999.0000000000001 in binary: without the tolerance the rank would be one too high.
  const rank = Math.ceil((percentile / 100) * sorted.length - 1e-9)
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN
}

/**
 * Percentiles that approach 100 % in ever smaller steps, as far as the number of samples allows, because the tail
 * matters most.
 */
export function distributionOf(sorted: Float64Array): DistributionPoint[] {
  if (sorted.length === 0) return []
  const percentiles: number[] = []
  for (let rest = 100; rest >= 100 / sorted.length; rest /= 10 ** 0.1) percentiles.push(100 - rest)
  percentiles.push(100)
  return percentiles.map((percentile) => ({
    percentile: Math.round(percentile * 1e5) / 1e5,
    value: round(percentileOf(sorted, percentile)),
  }))
}

export function median(values: readonly number[]): number {
  return percentileOf(Float64Array.from(values).sort(), 50)
}

/** Rounds to three decimals; anything finer is clock noise. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
