import { isChange, type RequestKind } from '../plan.ts'
import { Samples } from '../statistics.ts'
import { Latencies, type Timed } from './latencies.ts'

/** The outcomes of one kind of request. */
export class Tally {
  readonly latencies = new Latencies()
  readonly statuses = new Map<number, number>()
  sent = 0
  /** Requests that got no response in time. The time limit is used as their latency. */
  timeouts = 0
  /** The requests among `timeouts` that were never sent, because no connection became free in time. */
  unsent = 0
  /** Requests that failed because their connection broke. */
  errors = 0
  /** For evenly spaced arrivals: how late each request was sent, in milliseconds. */
  readonly sentLate = new Samples()
  readonly #isExpected: (status: number) => boolean

  constructor(kind: RequestKind) {
    this.#isExpected = isChange(kind) ? (status) => isSuccess(status) || status === TOO_LATE : isSuccess
  }

  answered(status: number, timed: Timed): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    // Refusals are fast, so they would make the latency look better than it is.
    if (this.#isExpected(status)) this.latencies.add(timed)
  }

  timedOut(timed: Timed): void {
    this.timeouts += 1
    this.latencies.add(timed)
  }

  neverSent(timed: Timed): void {
    this.unsent += 1
    this.timedOut(timed)
  }

  include(other: Tally): void {
    for (const [status, count] of other.statuses) this.statuses.set(status, (this.statuses.get(status) ?? 0) + count)
    this.latencies.include(other.latencies)
    this.sentLate.include(other.sentLate)
    this.sent += other.sent
    this.timeouts += other.timeouts
    this.unsent += other.unsent
    this.errors += other.errors
  }

  get succeeded(): number {
    return this.#count(this.#isExpected)
  }

  get refused(): number {
    return this.#count((status) => !this.#isExpected(status))
  }

  /** What became of the requests that did not succeed, in words; empty if all did. */
  get failures(): string {
    const refusals = [...this.statuses].filter(([status]) => !this.#isExpected(status))
    return [
      ...refusals.map(([status, count]) => `${count} got ${status}`),
      ...(this.timeouts > 0 ? [`${this.timeouts} got no answer in time`] : []),
      ...(this.errors > 0 ? [`${this.errors} lost their connection`] : []),
    ].join(', ')
  }

  #count(matches: (status: number) => boolean): number {
    return [...this.statuses].reduce((total, [status, count]) => total + (matches(status) ? count : 0), 0)
  }
}

/** The status for a change to an order that has been cancelled, as can happen in a real shop. */
const TOO_LATE = 409

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
