import { Latencies } from './latencies.ts'

/** What became of the requests of one kind. */
export class Tally {
  readonly latencies = new Latencies()
  readonly statuses = new Map<number, number>()
  sent = 0
  /** No answer within the time limit; counted among the latencies with that limit. */
  timeouts = 0
  /** Connections that broke. */
  errors = 0

  answered(status: number, atMs: number, tookMs: number, intervalMs: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    // A refusal is quick: it would flatter the latency of what was done.
    if (isSuccess(status)) this.latencies.add(atMs, tookMs, intervalMs)
  }

  timedOut(atMs: number, limitMs: number, intervalMs: number): void {
    this.timeouts += 1
    this.latencies.add(atMs, limitMs, intervalMs)
  }

  get succeeded(): number {
    return this.#count(isSuccess)
  }

  get refused(): number {
    return this.#count((status) => !isSuccess(status))
  }

  #count(matches: (status: number) => boolean): number {
    return [...this.statuses].reduce((total, [status, count]) => total + (matches(status) ? count : 0), 0)
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
