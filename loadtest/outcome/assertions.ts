import { commandFigures, type AssertionResult, type RunResult } from './result.ts'
import type { Summary } from '../statistics.ts'

/** A condition that a run must meet, such as `p99<50ms` or `lost=0`. */
export interface Assertion {
  readonly text: string
  readonly metric: Metric
  readonly operator: Operator
  /** In the metric's unit; durations are in milliseconds. */
  readonly limit: number
}

const OPERATORS = {
  '<=': (actual, limit) => actual <= limit,
  '>=': (actual, limit) => actual >= limit,
  '<': (actual, limit) => actual < limit,
  '>': (actual, limit) => actual > limit,
  '=': (actual, limit) => actual === limit,
} satisfies Record<string, (actual: number, limit: number) => boolean>
type Operator = keyof typeof OPERATORS

type Measured = Omit<RunResult, 'assertions'>
type Requests = Pick<RunResult, 'requests'>
interface MetricKind<Of = Measured> {
  readonly unit: 'time' | 'count'
  readonly of: (result: Of) => number | null | undefined
}

const latency = (of: keyof Summary): MetricKind<Requests> => ({
  unit: 'time',
  of: (result) => commandFigures(result).latency.summary?.[of],
})
const stored = (of: keyof Summary): MetricKind => ({ unit: 'time', of: (result) => result.stored?.summary[of] })
const count = <Of = Measured>(of: MetricKind<Of>['of']): MetricKind<Of> => ({ unit: 'count', of })
const total = (of: 'refused' | 'errors' | 'timeouts') =>
  count<Requests>(({ requests }) => requests.reduce((sum, figures) => sum + figures[of], 0))

/** The metrics that are also available for a single ramp step. Latencies are those of requests that place orders. */
const STEP_METRICS = {
  mean: latency('mean'),
  p50: latency('p50'),
  p90: latency('p90'),
  p95: latency('p95'),
  p99: latency('p99'),
  'p99.9': latency('p999'),
  max: latency('max'),
  refused: total('refused'),
  errors: total('errors'),
  timeouts: total('timeouts'),
} satisfies Record<string, MetricKind<Requests>>

const METRICS = {
  ...STEP_METRICS,
  'stored-p50': stored('p50'),
  'stored-p95': stored('p95'),
  'stored-p99': stored('p99'),
  'stored-max': stored('max'),
  drain: { unit: 'time', of: ({ verdict }) => verdict.drainSeconds * 1000 },
  rate: count((result) => commandFigures(result).perSecond),
  knee: count(({ ramp }) => ramp?.held),
  lost: count(({ verdict }) => verdict.lost),
  pending: count(({ verdict }) => verdict.pending),
  duplicates: count(({ verdict }) => verdict.ledger?.duplicate),
  dead: count(({ verdict }) => verdict.ledger?.dead),
  cpu: count(({ cost }) => cost?.cpuMicrosecondsPerRequest),
} satisfies Record<string, MetricKind>
type Metric = keyof typeof METRICS

export const METRIC_NAMES = Object.keys(METRICS)
export const STEP_METRIC_NAMES = Object.keys(STEP_METRICS)

/** Throws an Error that explains what is wrong with the list. */
export function parseAssertions(words: string): Assertion[] {
  return words
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseAssertion)
}

function parseAssertion(text: string): Assertion {
  const [, metric = '', operator = '', number = '', unit = ''] =
    /^([a-z0-9.-]+)\s*(<=|>=|<|>|=)\s*(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text) ?? []
  if (metric === '') throw new Error(`"${text}" is not an assertion such as p99<50ms or lost=0.`)
  if (!isMetric(metric)) throw new Error(`"${metric}" is not measured; the figures are ${METRIC_NAMES.join(', ')}.`)
  const isTime = METRICS[metric].unit === 'time'
  if (isTime && unit === '') throw new Error(`"${text}" needs a unit, ms or s.`)
  if (!isTime && unit !== '') throw new Error(`"${text}" must not have a unit: ${metric} is a number.`)
  return { text, metric, operator: operator as Operator, limit: Number(number) * (unit === 's' ? 1000 : 1) }
}

/**
 * Parses the bound that a ramp's steps have to meet. Throws for the same reasons as `parseAssertions`, and for metrics
 * that are not available for a step.
 */
export function parseBound(words: string): Assertion[] {
  const bound = parseAssertions(words)
  const unknown = bound.find(({ metric }) => !isStepMetric(metric))
  if (unknown === undefined) return bound
  throw new Error(`"${unknown.metric}" is not measured for a step; the figures are ${STEP_METRIC_NAMES.join(', ')}.`)
}

/** An assertion replaces the default for the same metric. */
export function withDefaults(defaults: readonly Assertion[], said: readonly Assertion[]): Assertion[] {
  const named = new Set(said.map(({ metric }) => metric))
  return [...defaults.filter(({ metric }) => !named.has(metric)), ...said]
}

/** Whether the metric's limit is in milliseconds. */
export function isDuration(metric: Metric): boolean {
  return METRICS[metric].unit === 'time'
}

function isStepMetric(name: string): name is keyof typeof STEP_METRICS {
  return Object.hasOwn(STEP_METRICS, name)
}

function isMetric(name: string): name is Metric {
  return Object.hasOwn(METRICS, name)
}

export function checkAssertions(assertions: readonly Assertion[], result: Measured): AssertionResult[] {
  return assertions.map((assertion) => checked(assertion, METRICS[assertion.metric].of(result)))
}

export function checkStep(bound: readonly Assertion[], requests: RunResult['requests']): AssertionResult[] {
  return bound.map((assertion) => {
    const { metric } = assertion
    return checked(assertion, isStepMetric(metric) ? STEP_METRICS[metric].of({ requests }) : undefined)
  })
}

function checked({ text, metric, operator, limit }: Assertion, measured: number | null | undefined): AssertionResult {
  const actual = measured ?? null
  const holds = actual !== null && OPERATORS[operator](actual, limit)
  return { text, unit: METRICS[metric].unit === 'time' ? 'ms' : '', actual, holds }
}

/** One line with the assertion and the measured value. */
export function describeAssertion(assertion: AssertionResult): string {
  return `${assertion.holds ? 'holds' : 'does not hold'}: ${assertion.text} (${measuredText(assertion)})`
}

export function measuredText({ actual, unit }: AssertionResult): string {
  return actual === null ? 'it could not be measured' : `measured ${actual}${unit === '' ? '' : ` ${unit}`}`
}
