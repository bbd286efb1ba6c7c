import { distributionOf, Samples, summarize, type DistributionPoint, type Summary } from '../statistics.ts'

/** The times of a response or a timeout, in milliseconds. */
export interface Timed {
  /** When the response arrived, measured from the start of the run. */
  readonly atMs: number
  /** The latency, measured from when the request was due or, if it had no due time, from when it was sent. */
  readonly tookMs: number
  /** The part of the latency that passed before the request was sent. */
  readonly waitedMs?: number
  /** The interval between this connection's requests. Given if a late response delays the requests after it. */
  readonly intervalMs?: number
}

/** How long the responses to one kind of request took. Times are in milliseconds. */
export interface LatencyFigures {
  readonly summary: Summary | null
  readonly distribution: readonly DistributionPoint[]
  /** Grouped by the second in which a request was due or, if it had no due time, in which it was sent. */
  readonly timeline: readonly LatencySecond[]
}

export type LatencySecond = { readonly second: number } & Pick<Summary, 'count' | 'p50' | 'p99' | 'max'>

/** Each request's due time, measured from the start of the run, and how long its response took. */
export class Latencies {
  readonly #dueAt = new Samples()
  readonly #took = new Samples()
  readonly #waited = new Samples()
  readonly #interval = new Samples()

  add({ atMs, tookMs, waitedMs = 0, intervalMs = 0 }: Timed): void {
    this.#dueAt.add(atMs - tookMs)
    this.#took.add(tookMs)
    this.#waited.add(waitedMs)
    this.#interval.add(intervalMs)
  }

  include(other: Latencies): void {
    this.#dueAt.include(other.#dueAt)
    this.#took.include(other.#took)
    this.#waited.include(other.#waited)
    this.#interval.include(other.#interval)
  }

  get count(): number {
    return this.#took.length
  }

  /** The latest `count` samples, sorted, without correction. */
  latest(count: number): Float64Array {
    return this.#took.toSorted(count)
  }

  /** The time from sending to the response, excluding requests that were never sent. */
  observed(): LatencyFigures {
    return figuresOf(this.#observed())
  }

  /**
   * Corrected for coordinated omission. The latency of requests with a due time is measured from that time. If a late
   * response holds back the next requests on its connection, these are included with the latency that they would have
   * had, as in HdrHistogram's recordValueWithExpectedInterval.
   */
  corrected(): LatencyFigures {
    return figuresOf(this.#corrected())
  }

  /** Requests that were due while their connection was waiting for a response. */
  get omitted(): number {
    let omitted = 0
    for (let index = 0; index < this.count; index += 1) {
      for (const _ of missed(this.#took.at(index), this.#interval.at(index))) omitted += 1
    }
    return omitted
  }

  *#observed(): Generator<Timing> {
    for (let index = 0; index < this.count; index += 1) {
      const waited = this.#waited.at(index)
      // This request was never sent.
      if (waited >= this.#took.at(index)) continue
      yield [this.#dueAt.at(index) + waited, this.#took.at(index) - waited]
    }
  }

  *#corrected(): Generator<Timing> {
    for (let index = 0; index < this.count; index += 1) {
      const [dueAt, took] = [this.#dueAt.at(index), this.#took.at(index)]
      yield [dueAt, took]
      for (const late of missed(took, this.#interval.at(index))) yield [dueAt + late, took - late]
    }
  }
}

/** The due times of the requests that a late response held back, relative to the due time of the answered request. */
export function* missed(tookMs: number, intervalMs: number): Generator<number> {
  if (intervalMs <= 0) return
  for (let late = intervalMs; tookMs - late >= intervalMs; late += intervalMs) yield late
}

type Timing = readonly [fromMs: number, tookMs: number]

/** Figures for these latencies, each of which is given with the time from which it was measured. */
export function figuresOf(latencies: Iterable<Timing>): LatencyFigures {
  const all = new Samples()
  const bySecond = new Map<number, Samples>()
  for (const [from, took] of latencies) {
    all.add(took)
    const second = Math.max(0, Math.floor(from / 1000))
    const those = bySecond.get(second) ?? new Samples()
    if (those.length === 0) bySecond.set(second, those)
    those.add(took)
  }
  const sorted = all.toSorted()
  const timeline = [...bySecond]
    .toSorted(([one], [other]) => one - other)
    .flatMap(([second, samples]) => {
      const summary = summarize(samples.toSorted())
      if (summary === undefined) return []
      const { count, p50, p99, max } = summary
      return [{ second, count, p50, p99, max }]
    })
  return { summary: summarize(sorted) ?? null, distribution: distributionOf(sorted), timeline }
}
