import type { LatencyFigures } from '../sending/latencies.ts'
import type { Machine, ProcessCost } from '../machine.ts'
import type { Phase, PhaseSpan, RequestKind } from '../plan.ts'
import type { Summary } from '../statistics.ts'

/** A whole run, as it is written as JSON; report and comparisons use nothing else. Latencies in ms. */
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
  /** When the phases were, in seconds since the run began. */
  readonly phases: readonly PhaseSpan[]
  /** The method of measuring, in sentences. */
  readonly method: readonly string[]
  readonly requests: readonly RequestFigures[]
  /** From accepted to stored, of a sample; null when no order of it was stored. */
  readonly stored: StoredFigures | null
  /** Once a second; null without a function key. */
  readonly pipeline: readonly PipelineSecond[] | null
  /** CPU and memory of the product's process; null when it was not started here, or there is no /proc. */
  readonly cost: ProcessCost | null
  /** The steps of a ramp, and where it came to its end; null for other scenarios. */
  readonly ramp: RampFigures | null
  /** The share of time, from 0 to 1, in which the sending thread was busy. Near 1, the run measured the client. */
  readonly client: { readonly busy: number }
  readonly verdict: Verdict
  readonly assertions: readonly AssertionResult[]
}

/** How the product did in one step. Latencies in ms. */
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
  /** The highest rate that held; null when none did. */
  readonly held: number | null
  /** The lowest rate that did not, twice; null when time was over before one was found. */
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
  /** Those of the timeouts that were never sent, because every connection was waiting for an answer. */
  readonly unsent: number
  readonly errors: number
  /** In flight when the run was over; their outcome is unknown here. */
  readonly unanswered: number
  readonly statuses: Readonly<Record<string, number>>
  /** Answers with 2xx a second, over the whole run. */
  readonly perSecond: number
  /** Without coordinated omission where a rate was held. */
  readonly latency: LatencyFigures
  /** From sending to the answer, of the requests that were sent. */
  readonly observed: Summary | null
  /** Of bursts: requests that a late answer kept back, and that `latency` counts. */
  readonly omitted: number
  /** Of requests that arrive evenly: how many ms after they were due they were sent. Null otherwise. */
  readonly sentLate: Summary | null
}

/** The timeline is by the second in which an order was accepted. */
export type StoredFigures = LatencyFigures & { readonly summary: Summary }

export interface PipelineSecond {
  readonly second: number
  /** Records of the orders topic that nobody has committed yet. */
  readonly lag: number
  readonly records: number
  readonly stored: number
  readonly residentMiB: number | null
}

/** The outcome of the run, including the warm-up, because the ledger does not tell it apart. */
export interface Verdict {
  readonly sent: number
  /** Answered with 202. */
  readonly accepted: number
  /** What the ledger counted meanwhile; null without a function key. */
  readonly ledger: LedgerChange | null
  /** Accepted orders that are neither stored nor in any other place where they should be. */
  readonly lost: number
  /** Accepted orders that were still on their way when the wait for them was over; null when it cannot be known. */
  readonly pending: number | null
  /** How many orders were looked up by id, and how many of these had no final state. */
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
  /** Of `actual`. */
  readonly unit: 'ms' | ''
  /** Null when it could not be measured; the assertion does not hold then. */
  readonly actual: number | null
  readonly holds: boolean
}

/** The order requests, which every scenario sends. */
export function commandFigures(result: Pick<RunResult, 'requests'>): RequestFigures {
  const figures = result.requests.find(({ kind }) => kind === 'place-order')
  if (figures === undefined) throw new Error('The run placed no orders.')
  return figures
}
