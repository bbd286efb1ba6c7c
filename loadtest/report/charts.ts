import type { Html } from '../../shared/pages/html.ts'
import {
  commandFigures,
  type PipelineSecond,
  type RampFigures,
  type RequestFigures,
  type RunResult,
  type StoredFigures,
} from '../outcome/result.ts'
import type { LatencyFigures, LatencySecond } from '../sending/latencies.ts'
import { chart, type Band, type XAxis } from './chart.ts'

/** The charts for a run, except those without measurements. */
export function chartsOf(result: RunResult): Html[] {
  const { requests, stored, pipeline } = result
  const x: XAxis = { kind: 'seconds', to: result.seconds }
  const bands = bandsOf(result)
  return [
    ...(result.ramp === null ? [] : [knee(result.ramp)]),
    ...requests.map((figures) => latencyOverTime(figures, x, bands)),
    distribution(requests),
    throughput(result, x, bands),
    ...(stored === null ? [] : [storedOverTime(stored, x, bands)]),
    ...(pipeline === null ? [] : [lag(pipeline, bands), ...memory(pipeline, bands)]),
  ]
}

/** The steps, sorted by rate. Marks the rates above the highest rate that met the bound. */
function knee({ steps, held }: RampFigures): Html {
  const climbing = steps.toSorted((one, other) => one.rate - other.rate)
  const to = climbing.at(-1)?.rate ?? 1
  const of = (name: 'p50' | 'p95' | 'p99') => ({
    name,
    points: climbing.flatMap(({ rate, requests }) => {
      const value = requests.latency.summary?.[name]
      return value === undefined ? [] : [[rate, value] as const]
    }),
  })
  return chart({
    title: 'Latency by rate',
    says: 'Median, 95th and 99th percentile latency of each step of the ramp, by rate.',
    unit: 'ms, logarithmic, by orders a second',
    y: 'log',
    x: { kind: 'rate', to },
    bands: held === null || held >= to ? [] : [{ label: 'above the highest rate that held', from: held, to }],
    series: [of('p50'), of('p95'), of('p99')],
  })
}

function bandsOf({ phases, ramp }: RunResult): Band[] {
  if (ramp !== null) {
    return ramp.steps.filter(({ held }) => !held).map(({ rate, from, to }) => ({ label: String(rate), from, to }))
  }
  const special = phases.filter(({ name, broken }) => broken !== null || name === 'spike')
  return special.map(({ name, broken, from, to }) => ({ label: broken === null ? name : `${broken} away`, from, to }))
}

/** One line for each name in `figures`, with the value of its figure for every second. */
function linesOf(
  { timeline }: LatencyFigures,
  figures: Readonly<Record<string, Exclude<keyof LatencySecond, 'second'>>>,
) {
  return Object.entries(figures).map(([name, figure]) => ({
    name,
    points: timeline.map((one) => [one.second, one[figure]] as const),
  }))
}

function latencyOverTime({ kind, latency }: RequestFigures, x: XAxis, bands: readonly Band[]): Html {
  return chart({
    title: `Latency of ${kind}`,
    says: `Median, 99th percentile and longest latency of ${kind}, for every second of the run.`,
    unit: 'ms, logarithmic, by second',
    y: 'log',
    x,
    bands,
    series: linesOf(latency, { p50: 'p50', p99: 'p99', longest: 'max' }),
  })
}

function storedOverTime(stored: StoredFigures, x: XAxis, bands: readonly Band[]): Html {
  return chart({
    title: 'Accepted to stored',
    says: 'Time from acceptance to storage, for each second in which orders were accepted.',
    unit: 'ms, logarithmic, by second of acceptance',
    y: 'log',
    x,
    bands,
    series: linesOf(stored, { median: 'p50', longest: 'max' }),
  })
}

function distribution(requests: readonly RequestFigures[]): Html {
  return chart({
    title: 'Distribution of latency',
    says: 'The latency that a given share of the requests did not exceed.',
    unit: 'ms, logarithmic, by percentile',
    y: 'log',
    x: { kind: 'nines' },
    series: requests.map(({ kind, latency }) => ({
      name: kind,
      points: latency.distribution.map(({ percentile, value }) => [percentile, value] as const),
    })),
  })
}

function throughput(result: RunResult, x: XAxis, bands: readonly Band[]): Html {
  const stored = result.pipeline === null ? [] : rates(result.pipeline, result.seconds)
  return chart({
    title: 'Throughput',
    says: 'Orders placed, counted in the second in which they were due or sent, and orders stored in each second of the run.',
    unit: 'orders a second',
    x,
    bands,
    series: [
      ...linesOf(commandFigures(result).latency, { placed: 'count' }),
      ...(stored.length === 0 ? [] : [{ name: 'stored', points: stored }]),
    ],
  })
}

/** Orders stored per second, between consecutive samples. */
export function rates(pipeline: readonly PipelineSecond[], until: number): (readonly [second: number, rate: number])[] {
  return pipeline.flatMap(({ second, stored }, index) => {
    const next = pipeline[index + 1]
    if (next === undefined || next.second <= second || second > until) return []
    return [[second, Math.max(0, (next.stored - stored) / (next.second - second))] as const]
  })
}

function lag(pipeline: readonly PipelineSecond[], bands: readonly Band[]): Html {
  return chart({
    title: 'Lag',
    says: 'Records of the orders topic that were not yet committed, from the start to the end of the drain.',
    unit: 'records not yet committed, until the end of the drain',
    x: { kind: 'seconds', to: pipeline.at(-1)?.second ?? 1 },
    bands,
    series: [{ name: 'lag', points: pipeline.map((one) => [one.second, one.lag] as const) }],
  })
}

function memory(pipeline: readonly PipelineSecond[], bands: readonly Band[]): Html[] {
  const points = pipeline.flatMap(({ second, residentMiB }) =>
    residentMiB === null ? [] : [[second, residentMiB] as const],
  )
  if (points.length === 0) return []
  return [
    chart({
      title: 'Memory',
      says: 'The resident memory of the product’s process.',
      unit: 'Resident memory of the product’s process in MiB',
      x: { kind: 'seconds', to: pipeline.at(-1)?.second ?? 1 },
      bands,
      series: [{ name: 'resident', points }],
    }),
  ]
}
