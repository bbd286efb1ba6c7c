import type { LatencyFigures } from '../sending/latencies.ts'
import type { Machine, ProcessCost } from '../machine.ts'
import type { Phase, PhaseSpan, RequestKind } from '../plan.ts'
import type { Summary } from '../statistics.ts'

/** A whole run, as written to JSON. The report and the comparisons use only this result. Latencies are in ms. */
export interface RunResult {
  readonly schema: 1
  readonly scenario: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly seconds: number
  readonly settings: {
    readonly target: string
    readonly seed: number
    readonly warmUpSeconds: number
    readonly phases: readonly Phase[]
  }
  readonly versions: Readonly<Record<string, string>>
  readonly machine: Machine
  readonly phases: readonly PhaseSpan[]
  /** A description of how the figures were measured. */
  readonly method: readonly string[]
  readonly requests: readonly RequestFigures[]
  /** The times from acceptance to storage for a sample of orders; null if no order in the sample was stored. */
  readonly stored: StoredFigures | null
  /** One sample per second; null without a function key. */
  readonly pipeline: readonly PipelineSecond[] | null
  /** CPU and memory of the product's process; null if the product was not started here or there is no /proc. */
  readonly cost: ProcessCost | null
  /** Null for scenarios other than ramp. */
  readonly ramp: RampFigures | null
  /**
   * The share of time, from 0 to 1, in which the sending thread was busy. A value near 1 means that the client was the
   * bottleneck.
   */
  readonly client: { readonly busy: number }
  readonly verdict: Verdict
  readonly assertions: readonly AssertionResult[]
}

export interface RampStep {
  readonly rate: number
  /** Seconds since the run began. */
  readonly from: number
  readonly to: number
  readonly held: boolean
  readonly requests: RequestFigures
  /** Records of the orders topic that were not committed at the end of the step; null without a function key. */
  readonly lag: number | null
  /** Descriptions of the assertions that failed. */
  readonly broke: readonly string[]
}

export interface RampFigures {
  readonly bound: readonly string[]
  readonly steps: readonly RampStep[]
  /** The highest rate that met the bound; null if no rate did. */
  readonly held: number | null
  /** The lowest rate that failed twice; null if time ran out first. */
  readonly broke: number | null
  readonly summary: string
}

export interface RequestFigures {
  readonly kind: RequestKind
  readonly sent: number
  /** Requests with a 2xx response, and changes with a 409 because their order is cancelled. */
  readonly succeeded: number
  readonly refused: number
  /** Requests that got no response within the caller's time limit, which starts when the request is due. */
  readonly timeouts: number
  /** The requests among `timeouts` that were never sent, because every connection was waiting for a response. */
  readonly unsent: number
  readonly errors: number
  /** Requests in flight at the end of the run, whose outcome is unknown. */
  readonly unanswered: number
  readonly statuses: Readonly<Record<string, number>>
  /** `succeeded` per second, over the whole run. */
  readonly perSecond: number
  /** Corrected for coordinated omission if requests were sent at a given rate. */
  readonly latency: LatencyFigures
  /** The time from sending to the response, for the requests that were sent. */
  readonly observed: Summary | null
  /** For bursts: the number of requests that were delayed by a late response. `latency` includes them. */
  readonly omitted: number
  /** For evenly spaced arrivals: how late requests were sent, in milliseconds. Null otherwise. */
  readonly sentLate: Summary | null
}

/** The timeline groups orders by the second in which they were accepted. */
export type StoredFigures = LatencyFigures & { readonly summary: Summary }

export interface PipelineSecond {
  readonly second: number
  /** Records of the orders topic that are not committed yet. */
  readonly lag: number
  readonly records: number
  readonly stored: number
  readonly residentMiB: number | null
}

/** The outcome of the run, including the warm-up, because the ledger includes it. */
export interface Verdict {
  readonly sent: number
  /** Orders and changes with a 202 response. */
  readonly accepted: number
  /** The ledger's counts during the run; null without a function key. */
  readonly ledger: LedgerChange | null
  /** Accepted orders that neither have an outcome nor are pending. */
  readonly lost: number
  /** Accepted orders without an outcome at the end of the wait; null if unknown. */
  readonly pending: number | null
  /** The number of orders and changes looked up by id. `missing` is how many of these have no final state. */
  readonly checked: number
  readonly missing: number
  readonly drainSeconds: number
  readonly summary: string
}

export interface LedgerChange {
  readonly balanced: boolean
  readonly summary: string
  /** Orders accepted by the log: at least those with a 202 response. */
  readonly accepted: number
  readonly stored: number
  readonly duplicate: number
  readonly dead: number
  readonly retrying: number
  readonly gaps: number
  readonly toCome: number
}

export interface AssertionResult {
  readonly text: string
  readonly unit: 'ms' | ''
  /** Null if the metric could not be measured; the assertion then fails. */
  readonly actual: number | null
  readonly holds: boolean
}

/** The figures for placing orders, which every scenario does. */
export function commandFigures(result: Pick<RunResult, 'requests'>): RequestFigures {
  const figures = result.requests.find(({ kind }) => kind === 'place-order')
  if (figures === undefined) throw new Error('The run placed no orders.')
  return figures
}
