import { distributionOf, round, Samples, summarize, type DistributionPoint, type Summary } from './statistics.ts'

/** How long the answers to one kind of request took. Times in milliseconds. */
export interface LatencyFigures {
  readonly summary: Summary | null
  readonly distribution: readonly DistributionPoint[]
  /** By the second in which a request was sent or, had it not been kept waiting, would have been sent. */
  readonly timeline: readonly LatencySecond[]
}

export interface LatencySecond {
  readonly second: number
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Answers as they came: when each was asked for, since the run began, and how long it took. */
export class Latencies {
  readonly #sentAt = new Samples()
  readonly #took = new Samples()
  readonly #interval = new Samples()

  /** `intervalMs`: how far apart this connection's requests should be; 0 when it just sends the next after an answer. */
  add(answeredAtMs: number, tookMs: number, intervalMs: number): void {
    this.#sentAt.add(answeredAtMs - tookMs)
    this.#took.add(tookMs)
    this.#interval.add(intervalMs)
  }

  get count(): number {
    return this.#took.length
  }

  /** The latest so many, sorted, as measured. */
  latest(count: number): Float64Array {
    return this.#took.toSorted(count)
  }

  /** As measured: a request that was not sent because its connection was still waiting is not in here. */
  observed(): LatencyFigures {
    return figuresOf(this.#all(() => 0))
  }

  /**
   * Corrected for coordinated omission as HdrHistogram's recordValueWithExpectedInterval does it: while a connection
   * waited for an answer longer than its interval, the requests that it should have sent meanwhile are counted, with the
   * time that they would have taken.
   */
  corrected(): LatencyFigures {
    return figuresOf(this.#all((index) => this.#interval.at(index)))
  }

  /** Requests that were due while a connection was waiting. */
  get omitted(): number {
    let omitted = 0
    for (let index = 0; index < this.count; index += 1) {
      for (const _ of missed(this.#took.at(index), this.#interval.at(index))) omitted += 1
    }
    return omitted
  }

  *#all(intervalOf: (index: number) => number): Generator<readonly [sentAtMs: number, tookMs: number]> {
    for (let index = 0; index < this.count; index += 1) {
      const [sentAt, took] = [this.#sentAt.at(index), this.#took.at(index)]
      yield [sentAt, took]
      for (const late of missed(took, intervalOf(index))) yield [sentAt + late, took - late]
    }
  }
}

/** When, after a request was sent, the next ones were due that its late answer kept back. */
export function* missed(tookMs: number, intervalMs: number): Generator<number> {
  if (intervalMs <= 0) return
  for (let late = intervalMs; tookMs - late >= intervalMs; late += intervalMs) yield late
}

function figuresOf(latencies: Iterable<readonly [sentAtMs: number, tookMs: number]>): LatencyFigures {
  const all = new Samples()
  const bySecond = new Map<number, Samples>()
  for (const [sentAt, took] of latencies) {
    all.add(took)
    const second = Math.max(0, Math.floor(sentAt / 1000))
    const those = bySecond.get(second) ?? new Samples()
    if (those.length === 0) bySecond.set(second, those)
    those.add(took)
  }
  const sorted = all.toSorted()
  const timeline = [...bySecond]
    .toSorted(([one], [other]) => one - other)
    .map(([second, samples]) => secondOf(second, samples))
  return { summary: summarize(sorted) ?? null, distribution: distributionOf(sorted), timeline }
}

function secondOf(second: number, samples: Samples): LatencySecond {
  const summary = summarize(samples.toSorted())
  const none = Number.NaN
  return {
    second,
    count: samples.length,
    p50: round(summary?.p50 ?? none),
    p99: round(summary?.p99 ?? none),
    max: round(summary?.max ?? none),
  }
}
