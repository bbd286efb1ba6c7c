import { checkStep, measuredText, type Assertion } from './outcome/assertions.ts'
import type { RampFigures, RampStep } from './outcome/result.ts'

/** A ramp raises the rate until latency or errors exceed their limits. */
export interface RampSettings {
  /** Requests per second in the first step. */
  readonly first: number
  readonly connections: number
  readonly stepSeconds: number
  /** How long a caller waits. */
  readonly patienceMs: number
  /** Steps that would end later than this are not started. */
  readonly seconds: number
  readonly bound: readonly Assertion[]
}

/** The product that a ramp is run against. */
export interface Climber {
  /** Sends requests at this rate for the length of a step. */
  step(rate: number): Promise<Omit<RampStep, 'held' | 'broke'>>
  /** Waits until the orders left over from a failed step are processed, or until time runs out. */
  settle(): Promise<void>
  /** Seconds since the run began. */
  passed(): number
}

/**
 * Two rates within this ratio of each other count as equal. A finer search would tell nothing, because identical runs
 * differ by more than this.
 */
const CLOSE_ENOUGH = 1.1
/** A rate counts as failed only after this many failures, because a single failure may be a hiccup on the machine. */
const FAILURES = 2

export async function climb(
  { first, stepSeconds, seconds, bound }: Omit<RampSettings, 'connections' | 'patienceMs'>,
  climber: Climber,
): Promise<RampFigures> {
  const steps: RampStep[] = []
  for (;;) {
    const rate = nextRate(first, steps)
    if (rate === undefined || climber.passed() + stepSeconds > seconds) break
    const taken = await climber.step(rate)
    const checked = checkStep(bound, [taken.requests])
    const broke = checked.filter(({ holds }) => !holds).map((one) => `${one.text} (${measuredText(one)})`)
    steps.push({ ...taken, held: broke.length === 0, broke })
    if (broke.length > 0) await climber.settle()
  }
  return summed(bound, steps)
}

type Tried = Pick<RampStep, 'rate' | 'held'>

/**
 * Doubles the rate as long as no step fails, and tries a rate again after its first failure. After a second failure,
 * returns the geometric mean of the highest rate that held and the lowest that failed, or half of the latter if no rate
 * held. Undefined if the two rates are within `CLOSE_ENOUGH` of each other.
 */
export function nextRate(first: number, steps: readonly Tried[]): number | undefined {
  const last = steps.at(-1)
  if (last === undefined) return first
  if (!last.held && failures(steps, last.rate) < FAILURES) return last.rate
  const { held, broke } = limits(steps)
  if (broke === null) return last.rate * 2
  if (held === null) return broke > 1 ? Math.floor(broke / 2) : undefined
  const middle = Math.round(Math.sqrt(held * broke))
  return broke / held <= CLOSE_ENOUGH || middle === held || middle === broke ? undefined : middle
}

function failures(steps: readonly Tried[], rate: number): number {
  return steps.filter((step) => step.rate === rate && !step.held).length
}

function limits(steps: readonly Tried[]): { held: number | null; broke: number | null } {
  const held = steps.filter((step) => step.held).map(({ rate }) => rate)
  const broke = steps.map(({ rate }) => rate).filter((rate) => failures(steps, rate) >= FAILURES)
  return {
    held: held.length === 0 ? null : Math.max(...held),
    broke: broke.length === 0 ? null : Math.min(...broke),
  }
}

function summed(bound: readonly Assertion[], steps: readonly RampStep[]): RampFigures {
  const { held, broke } = limits(steps)
  return { bound: bound.map(({ text }) => text), steps, held, broke, summary: inWords(held, broke, steps) }
}

function inWords(held: number | null, broke: number | null, steps: readonly RampStep[]): string {
  const holding = held === null ? 'No rate held' : `${held} orders a second held`
  if (broke === null) return `${holding}; time ran out before a rate was found that does not hold.`
  const reasons = steps.findLast(({ rate, held: stood }) => rate === broke && !stood)?.broke ?? []
  return `${holding}; ${broke} did not: ${reasons.join(', ')}.`
}
