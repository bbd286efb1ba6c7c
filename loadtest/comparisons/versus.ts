import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../../infra/ops/table.ts'
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
import { ask, startProduct, startServer, TargetError, type Target } from '../target.ts'
import { drainFully } from '../outcome/verdict.ts'

export interface VersusOptions extends VersusTask {
  readonly print: (text: string) => void
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

export interface Contender {
  readonly name: string
  readonly start: () => Promise<Target>
  /** Waits until all that was accepted, in all of the target's time, is stored: that is part of the cost. */
  readonly settle?: (target: Target, accepted: number, signal: AbortSignal) => Promise<unknown>
}

export interface Measured {
  readonly perSecond: number
  /** Undefined where there is no /proc. */
  readonly cpuMicroseconds: number | undefined
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly notAccepted: number
}

const WARM_UP_SECONDS = 2
const DRAIN_SECONDS = 60
const LOOK_EVERY_MS = 250
export const INTAKE_ALONE = { AzureWebJobs_consumeOrders_Disabled: 'true' }

/**
 * What accepting an order costs, against the least that a server can do and against what one would write without us.
 * All in turn, round by round, so that a machine whose speed drifts is fair to all; medians are compared.
 */
export async function versus(options: VersusOptions): Promise<void> {
  const { rounds, print, onProgress, signal } = options
  const contenders = contendersOf(process.env['KAFKA_BROKERS'] ?? '')
  const measured = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      onProgress(`round ${round} of ${rounds}: ${contender.name}`)
      measured.get(contender.name)?.push(await measure(contender, options))
      signal.throwIfAborted()
    }
  }
  onProgress('')
  print(versusText(measured))
  const { sent, measures } = ARRIVALS[laneOf('place-order', options).arrivals]
  print(`\n${options.rate === undefined ? '' : `${options.rate} requests a second, `}${sent}. ${measures}`)
  print(
    `Medians of ${rounds} rounds. All keep each order until a disk or a broker has it, but for bare node:http, which keeps nothing.`,
  )
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

function baseline(
  name: string,
  file: string,
  settings: () => Readonly<Record<string, string>> = () => ({}),
): Contender {
  const words = [join(import.meta.dirname, '../baselines', file)]
  const start = async () => {
    const server = await startServer(name, words, { ...process.env, ...settings() })
    return { ...server, key: undefined }
  }
  return { name, start }
}

/** On a topic of its own, as the product is: what earlier ones left would be stored first. */
function storingBaseline(name: string, file: string): Contender {
  return { ...baseline(name, file, storingSettings), settle: settleBaseline }
}

function storingSettings(): Record<string, string> {
  return { BASELINE_STORING: 'on', BASELINE_TOPIC: `loadtest-baseline-${Date.now().toString(36)}` }
}

async function settleProduct(target: Target, _: number, signal: AbortSignal): Promise<void> {
  await drainFully(target, DRAIN_SECONDS, signal)
}

async function settleBaseline(target: Target, accepted: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + DRAIN_SECONDS * 1000
  for (;;) {
    const { stored } = (await ask(target, '/stored')).body as { stored: number }
    if (stored >= accepted) return
    if (performance.now() > deadline) throw new TargetError(`${stored} of ${accepted} orders were stored in time.`)
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

async function measure({ start, settle }: Contender, options: VersusOptions): Promise<Measured> {
  const { seconds, connections, rate, burst, signal } = options
  const target = await start()
  try {
    const warm = await load(target, WARM_UP_SECONDS, connections, signal)
    await settle?.(target, warm.tally.succeeded, signal)
    const before = cpuMicroseconds(target.pid)
    const { tally, elapsedSeconds } = await load(target, seconds, connections, signal, { rate, burst })
    await settle?.(target, warm.tally.succeeded + tally.succeeded, signal)
    const after = cpuMicroseconds(target.pid)
    return {
      perSecond: tally.succeeded / elapsedSeconds,
      cpuMicroseconds: before === undefined || after === undefined ? undefined : (after - before) / tally.succeeded,
      ...latencyOf(tally.latencies.latest(tally.succeeded)),
      notAccepted: tally.refused + tally.timeouts + tally.errors,
    }
  } finally {
    await target.stop()
  }
}

function latencyOf(latencies: Float64Array): Pick<Measured, 'p50Ms' | 'p95Ms' | 'p99Ms'> {
  const at = (percentile: number) => percentileOf(latencies, percentile)
  return { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99) }
}

interface Pace {
  /** Requests a second of all connections together; undefined: a closed loop. */
  readonly rate?: number | undefined
  /** Whether those of a second are sent at its start. */
  readonly burst?: boolean
}

/** Places orders, in a closed loop unless a rate is given, which all connections share. */
export async function load(
  target: Target,
  seconds: number,
  connections: number,
  signal: AbortSignal,
  { rate, burst = false, next }: Pace & { readonly next?: () => RequestToSend } = {},
) {
  const requests = createRequests(1)
  const tally = new Tally()
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

/** The first contender is what the others are compared with. */
export function versusText(measured: ReadonlyMap<string, readonly Measured[]>): string {
  const rows = [...measured].map(([name, some]) => {
    // A round that accepted nothing has no latencies, and no cost of each order.
    const counted = some.filter(({ perSecond }) => perSecond > 0)
    const cpu = counted.flatMap(({ cpuMicroseconds: one }) => (one === undefined ? [] : [one]))
    return {
      name,
      perSecond: median(some.map(({ perSecond }) => perSecond)),
      cpu: cpu.length === 0 ? undefined : median(cpu),
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
      Math.round(perSecond),
      notAccepted > 0 ? null : ratio(perSecond, first?.perSecond),
      cpu === undefined ? null : Math.round(cpu),
      notAccepted > 0 ? null : ratio(cpu, first?.cpu),
      rounded(p50),
      rounded(p95),
      rounded(p99),
      notAccepted,
    ]),
  )
  // To refuse is less work than to accept, and still costs: neither figure would be of the same task.
  const unfit = rows
    .filter(({ notAccepted, accepts }) => notAccepted > 0 || !accepts)
    .map(
      ({ name, accepts }) =>
        `\n${name} did not accept ${accepts ? 'every' : 'any'} order: its row compares with no other.`,
    )
  return [figures, ...unfit].join('\n')
}

function ratio(value: number | undefined, of: number | undefined): string | null {
  return value === undefined || of === undefined || of === 0 ? null : (value / of).toFixed(2)
}
