import { commandFigures, type AssertionResult, type RunResult } from './result.ts'
import type { Summary } from './statistics.ts'

/** What a run has to reach, as `p99<50ms` or `lost=0`. */
export interface Assertion {
  readonly text: string
  readonly metric: Metric
  readonly operator: Operator
  /** In the metric's unit; durations in milliseconds. */
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
interface MetricKind {
  readonly unit: 'time' | 'count'
  readonly of: (result: Measured) => number | null | undefined
}

const latency = (of: keyof Summary): MetricKind => ({
  unit: 'time',
  of: (result) => commandFigures(result).latency.summary?.[of],
})
const stored = (of: keyof Summary): MetricKind => ({ unit: 'time', of: (result) => result.stored?.summary[of] })
const count = (of: MetricKind['of']): MetricKind => ({ unit: 'count', of })
const total = (of: 'refused' | 'errors' | 'timeouts') =>
  count(({ requests }) => requests.reduce((sum, figures) => sum + figures[of], 0))

/** Latencies and rate are of placing orders. */
const METRICS = {
  mean: latency('mean'),
  p50: latency('p50'),
  p90: latency('p90'),
  p95: latency('p95'),
  p99: latency('p99'),
  'p99.9': latency('p999'),
  max: latency('max'),
  'stored-p50': stored('p50'),
  'stored-p95': stored('p95'),
  'stored-p99': stored('p99'),
  'stored-max': stored('max'),
  drain: { unit: 'time', of: ({ verdict }) => verdict.drainSeconds * 1000 },
  rate: count((result) => commandFigures(result).perSecond),
  refused: total('refused'),
  errors: total('errors'),
  timeouts: total('timeouts'),
  lost: count(({ verdict }) => verdict.lost),
  pending: count(({ verdict }) => verdict.pending),
  duplicates: count(({ verdict }) => verdict.ledger?.duplicate),
  dead: count(({ verdict }) => verdict.ledger?.dead),
  cpu: count(({ cost }) => cost?.cpuMicrosecondsPerRequest),
} satisfies Record<string, MetricKind>
type Metric = keyof typeof METRICS

export const METRIC_NAMES = Object.keys(METRICS)

/** Throws an Error that says what is wrong with the words. */
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
  if (metric === '') throw new Error(`"${text}" is no assertion; one looks like p99<50ms or lost=0.`)
  if (!isMetric(metric)) throw new Error(`"${metric}" is not measured; known are ${METRIC_NAMES.join(', ')}.`)
  const isTime = METRICS[metric].unit === 'time'
  if (isTime && unit === '') throw new Error(`"${text}" needs a unit, ms or s.`)
  if (!isTime && unit !== '') throw new Error(`"${text}" must not have a unit: ${metric} is a number.`)
  return { text, metric, operator: operator as Operator, limit: Number(number) * (unit === 's' ? 1000 : 1) }
}

function isMetric(name: string): name is Metric {
  return Object.hasOwn(METRICS, name)
}

export function checkAssertions(assertions: readonly Assertion[], result: Measured): AssertionResult[] {
  return assertions.map(({ text, metric, operator, limit }) => {
    const actual = METRICS[metric].of(result) ?? null
    return { text, actual, holds: actual !== null && OPERATORS[operator](actual, limit) }
  })
}

/** A sentence for people: which one, and what was measured instead. */
export function describeAssertion({ text, actual, holds }: AssertionResult): string {
  if (holds) return `holds: ${text} (measured ${actual})`
  return `does not hold: ${text} (${actual === null ? 'it could not be measured' : `measured ${actual}`})`
}
