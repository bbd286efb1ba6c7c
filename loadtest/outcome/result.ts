import type { LatencyFigures } from '../sending/latencies.ts'
import type { Machine, ProcessCost } from '../machine.ts'
import type { Phase, PhaseSpan, RequestKind } from '../plan.ts'
import type { Summary } from '../statistics.ts'

/** A whole run, as written to JSON. Report and comparisons use nothing else. Latencies are in ms. */
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
  /** The method of measuring, in sentences. */
  readonly method: readonly string[]
  readonly requests: readonly RequestFigures[]
  /** The times from accepted to stored, of a sample; null when no order of the sample was stored. */
  readonly stored: StoredFigures | null
  /** One sample a second; null without a function key. */
  readonly pipeline: readonly PipelineSecond[] | null
  /** CPU and memory of the product's process; null when it was not started here, or there is no /proc. */
  readonly cost: ProcessCost | null
  /** Null for scenarios other than ramp. */
  readonly ramp: RampFigures | null
  /** The share of time, from 0 to 1, in which the sending thread was busy. Near 1, the run measured the client. */
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
  /** Records of the orders topic that were not committed at its end; null without a function key. */
  readonly lag: number | null
  /** The assertions that did not hold, in words. */
  readonly broke: readonly string[]
}

export interface RampFigures {
  readonly bound: readonly string[]
  readonly steps: readonly RampStep[]
  /** The highest rate that held; null when no rate held. */
  readonly held: number | null
  /** The lowest rate that failed twice; null when the time was over before. */
  readonly broke: number | null
  readonly summary: string
}

export interface RequestFigures {
  readonly kind: RequestKind
  readonly sent: number
  readonly succeeded: number
  readonly refused: number
  /** No answer within 10 s of when the request was due. */
  readonly timeouts: number
  /** The timeouts whose requests were never sent, because every connection waited for an answer. */
  readonly unsent: number
  readonly errors: number
  /** In flight at the end of the run, so their outcome is unknown. */
  readonly unanswered: number
  readonly statuses: Readonly<Record<string, number>>
  /** Answers with 2xx a second, over the whole run. */
  readonly perSecond: number
  /** Without coordinated omission where a rate was held. */
  readonly latency: LatencyFigures
  /** From sending to the answer, of the requests that were sent. */
  readonly observed: Summary | null
  /** For bursts: requests that a late answer held back. `latency` includes them. */
  readonly omitted: number
  /** For even arrivals: by how many ms requests were sent late. Null otherwise. */
  readonly sentLate: Summary | null
}

/** The timeline is by the second in which an order was accepted. */
export type StoredFigures = LatencyFigures & { readonly summary: Summary }

export interface PipelineSecond {
  readonly second: number
  /** Records of the orders topic that are not committed yet. */
  readonly lag: number
  readonly records: number
  readonly stored: number
  readonly residentMiB: number | null
}

/** The outcome of the run. It includes the warm-up, because the ledger does. */
export interface Verdict {
  readonly sent: number
  /** Answered with 202. */
  readonly accepted: number
  /** The ledger's counts during the run; null without a function key. */
  readonly ledger: LedgerChange | null
  /** Accepted orders without an outcome that are not pending either. */
  readonly lost: number
  /** Accepted orders without an outcome at the end of the wait; null when unknown. */
  readonly pending: number | null
  /** The number of orders that were looked up by id. `missing` is the number of those without a final state. */
  readonly checked: number
  readonly missing: number
  readonly drainSeconds: number
  readonly summary: string
}

export interface LedgerChange {
  readonly balanced: boolean
  readonly summary: string
  /** Accepted by the log: at least the orders that were answered with 202. */
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
  /** Null when it could not be measured; the assertion then fails. */
  readonly actual: number | null
  readonly holds: boolean
}

/** The figures of placing orders, which every scenario does. */
export function commandFigures(result: Pick<RunResult, 'requests'>): RequestFigures {
  const figures = result.requests.find(({ kind }) => kind === 'place-order')
  if (figures === undefined) throw new Error('The run placed no orders.')
  return figures
}
