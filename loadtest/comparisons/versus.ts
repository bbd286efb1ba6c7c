import { join } from 'node:path'
import { table } from '../../infra/ops/table.ts'
import { inTurn, ratio, whole, type Caller } from './figures.ts'
import { laneOf } from '../scenarios.ts'
import { ARRIVALS } from '../plan.ts'
import { Connections } from '../sending/connections.ts'
import { fire } from '../sending/fire.ts'
import type { RequestToSend } from '../sending/connections.ts'
import { rounded } from '../report/rounded.ts'
import { cpuMicroseconds } from '../machine.ts'
import type { VersusTask } from '../options.ts'
import { createRequests } from '../requests.ts'
import { median, percentileOf } from '../statistics.ts'
import { Tally } from '../sending/tally.ts'
import { ask, startProduct, startServer, type Target } from '../target.ts'
import { untilStored } from '../outcome/standing.ts'
import { drainFully } from '../outcome/verdict.ts'

export type VersusOptions = Omit<VersusTask, 'does'> & Caller

export interface Contender {
  readonly name: string
  readonly start: () => Promise<Target>
  /** Waits until all accepted orders are stored, because storing is part of the cost. */
  readonly settle?: (target: Target, accepted: number, signal: AbortSignal) => Promise<unknown>
}

type Measured = Awaited<ReturnType<typeof measure>>

const WARM_UP_SECONDS = 2
const DRAIN_SECONDS = 60
export const INTAKE_ALONE = { AzureWebJobs_consumeOrders_Disabled: 'true' }

/**
 * A table that compares the cost of accepting an order with that of a minimal server and of servers written without
 * this product. The figures are medians.
 */
export async function versus(options: VersusOptions): Promise<string> {
  const { rounds, rate } = options
  const contenders = contendersOf(process.env['KAFKA_BROKERS'] ?? '')
  const measured = await inTurn(contenders, options, (contender) => measure(contender, options))
  const { sent, measures } = ARRIVALS[laneOf('place-order', options).arrivals]
  return `${versusText(measured)}

${rate === undefined ? '' : `${rate} requests a second, `}${sent}. ${measures}
Medians of ${rounds} rounds. All keep each order until it is on a disk or on a broker, except bare node:http, which keeps nothing.`
}

function contendersOf(brokers: string): Contender[] {
  const embedded = { KAFKA_BROKERS: '', SQL_CONNECTION_STRING: '' }
  const alone: Contender[] = [
    baseline('bare node:http', 'bare.ts'),
    { name: 'product, intake alone', start: () => startProduct({ ...embedded, ...INTAKE_ALONE }) },
    { name: 'product, storing too', start: () => startProduct(embedded), settle: settleProduct },
  ]
  if (brokers === '') return alone
  return [
    ...alone,
    baseline('express + kafkajs + zod', 'express-kafkajs.ts'),
    baseline('fastify + @platformatic/kafka', 'fastify-platformatic.ts'),
    { name: 'product on Kafka, intake alone', start: () => startProduct(INTAKE_ALONE) },
    storingBaseline('express + kafkajs + zod, storing too', 'express-kafkajs.ts'),
    storingBaseline('fastify + @platformatic/kafka, storing too', 'fastify-platformatic.ts'),
    { name: 'product on Kafka, storing too', start: () => startProduct(), settle: settleProduct },
  ]
}

function baseline(name: string, file: string): Contender {
  return { name, start: () => startBaseline(name, file) }
}

/**
 * Each start gets its own topic, as for the product, because leftover orders from earlier runs would be stored first.
 */
function storingBaseline(name: string, file: string): Contender {
  const start = () => startStoringBaseline(name, file, `loadtest-baseline-${Date.now().toString(36)}`)
  return { name, start, settle: settleBaseline }
}

export function startStoringBaseline(name: string, file: string, topic: string): Promise<Target> {
  return startBaseline(name, file, { BASELINE_STORING: 'on', BASELINE_TOPIC: topic })
}

async function startBaseline(name: string, file: string, settings: Record<string, string> = {}): Promise<Target> {
  const words = [join(import.meta.dirname, '../baselines', file)]
  return { ...(await startServer(name, words, { ...process.env, ...settings })), key: undefined }
}

export async function settleProduct(target: Target, _: number, signal: AbortSignal): Promise<void> {
  await drainFully(target, DRAIN_SECONDS, signal)
}

async function settleBaseline(target: Target, accepted: number, signal: AbortSignal): Promise<void> {
  const look = async () => ({ stored: await storedBy(target), at: performance.now(), cpu: undefined })
  await untilStored(accepted, 'The baseline', look, signal)
}

/** The number of orders that a baseline has stored. */
export async function storedBy(target: Target): Promise<number> {
  return ((await ask(target, '/stored')).body as { stored: number }).stored
}

async function measure({ start, settle }: Contender, options: VersusOptions) {
  const target = await start()
  try {
    const { tally, elapsedSeconds, cpuMicroseconds: cpu } = await measureLoad(target, options, settle)
    return {
      perSecond: tally.succeeded / elapsedSeconds,
      cpuMicroseconds: cpu,
      ...latencyOf(tally.latencies.latest(tally.succeeded)),
      notAccepted: tally.refused + tally.timeouts + tally.errors,
    }
  } finally {
    await target.stop()
  }
}

function latencyOf(latencies: Float64Array) {
  const at = (percentile: number) => percentileOf(latencies, percentile)
  return { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99) }
}

/**
 * Warms up, loads and settles. CPU is in microseconds per accepted order, including settling; undefined without /proc.
 */
export async function measureLoad(target: Target, options: Load, settle?: Contender['settle']) {
  const { signal } = options
  const warm = await load(target, { ...options, seconds: WARM_UP_SECONDS, rate: undefined, burst: false })
  await settle?.(target, warm.tally.succeeded, signal)
  const before = cpuMicroseconds(target.pid)
  const { tally, elapsedSeconds } = await load(target, options)
  const settling = performance.now()
  await settle?.(target, warm.tally.succeeded + tally.succeeded, signal)
  const settleSeconds = (performance.now() - settling) / 1000
  const after = cpuMicroseconds(target.pid)
  const cpu = before === undefined || after === undefined ? undefined : (after - before) / tally.succeeded
  return { tally, elapsedSeconds, settleSeconds, cpuMicroseconds: cpu }
}

type Load = Pick<VersusOptions, 'seconds' | 'connections' | 'signal'> &
  Partial<Pick<VersusOptions, 'rate' | 'burst'>> & { readonly next?: () => RequestToSend }

/** Places orders in a closed loop, or at a rate that all connections share. */
export async function load(target: Target, { seconds, connections, signal, rate, burst = false, next }: Load) {
  const requests = createRequests(1)
  const tally = new Tally('place-order')
  await using free = new Connections(target.url)
  const began = performance.now()
  await fire({
    url: target.url,
    lane: laneOf('place-order', { connections, rate, burst }),
    seconds,
    next: next ?? (() => requests.next('place-order')),
    onAnswer: () => undefined,
    tally,
    connections: free,
    now: () => performance.now() - began,
    signal,
  })
  return { tally, elapsedSeconds: (performance.now() - began) / 1000 }
}

/** Ratios are relative to the first contender. */
export function versusText(measured: ReadonlyMap<string, readonly Measured[]>): string {
  const rows = [...measured].map(([name, some]) => {
    // A round without accepted orders has neither latencies nor a cost per order.
    const counted = some.filter(({ perSecond }) => perSecond > 0)
    return {
      name,
      perSecond: median(some.map(({ perSecond }) => perSecond)),
      cpu: median(counted.flatMap(({ cpuMicroseconds: cpu }) => cpu ?? [])),
      p50: median(counted.map(({ p50Ms }) => p50Ms)),
      p95: median(counted.map(({ p95Ms }) => p95Ms)),
      p99: median(counted.map(({ p99Ms }) => p99Ms)),
      accepts: counted.length > 0,
      notAccepted: some.reduce((total, { notAccepted }) => total + notAccepted, 0),
    }
  })
  const [first] = rows
  const figures = table(
    ['', 'requests/s', 'ratio', 'CPU µs/request', 'ratio', 'p50 ms', 'p95', 'p99', 'not accepted'],
    rows.map(({ name, perSecond, cpu, p50, p95, p99, notAccepted }) => [
      name,
      whole(perSecond),
      notAccepted > 0 ? null : ratio(perSecond, first?.perSecond),
      whole(cpu),
      notAccepted > 0 ? null : ratio(cpu, first?.cpu),
      rounded(p50),
      rounded(p95),
      rounded(p99),
      notAccepted,
    ]),
  )
  // Refusing an order takes less work than accepting one, so a row with refusals is not comparable.
  const unfit = rows
    .filter(({ notAccepted, accepts }) => notAccepted > 0 || !accepts)
    .map(
      ({ name, accepts }) =>
        `\n${name} did not accept ${accepts ? 'every' : 'any'} order: do not compare its row with the others.`,
    )
  return [figures, ...unfit].join('\n')
}
