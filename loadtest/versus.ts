import { join } from 'node:path'
import { table } from '../infra/ops/table.ts'
import { fire, type RequestToSend } from './fire.ts'
import { cpuMicroseconds } from './machine.ts'
import type { VersusTask } from './options.ts'
import { createRequests } from './requests.ts'
import { median, percentileOf } from './statistics.ts'
import { Tally } from './tally.ts'
import { startProduct, startServer, type Target } from './target.ts'
import { drain } from './verdict.ts'

export interface VersusOptions extends VersusTask {
  readonly print: (text: string) => void
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

export interface Contender {
  readonly name: string
  readonly start: () => Promise<Target>
}

export interface Measured {
  readonly perSecond: number
  /** Undefined where there is no /proc. */
  readonly cpuMicroseconds: number | undefined
  readonly p50Ms: number
  readonly p99Ms: number
  readonly notAccepted: number
}

const WARM_UP_SECONDS = 2
const DRAIN_SECONDS = 60
export const INTAKE_ALONE = { AzureWebJobs__consumeOrders__Disabled: 'true' }

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
  print(
    `\nMedians of ${rounds} rounds. All keep each order until a disk or a broker has it, but for bare node:http, which keeps nothing.`,
  )
}

function contendersOf(brokers: string): Contender[] {
  const embedded = { KAFKA_BROKERS: '', SQL_CONNECTION_STRING: '' }
  const alone: Contender[] = [
    baseline('bare node:http', 'bare.ts'),
    { name: 'product, intake alone', start: () => startProduct({ ...embedded, ...INTAKE_ALONE }) },
    { name: 'product, storing too', start: () => startProduct(embedded) },
  ]
  if (brokers === '') return alone
  return [
    ...alone,
    baseline('express + kafkajs + zod', 'express-kafkajs.ts'),
    baseline('fastify + @platformatic/kafka', 'fastify-platformatic.ts'),
    { name: 'product on Kafka, intake alone', start: () => startProduct(INTAKE_ALONE) },
    { name: 'product on Kafka, storing too', start: () => startProduct() },
  ]
}

function baseline(name: string, file: string): Contender {
  const words = [join(import.meta.dirname, 'baselines', file)]
  return { name, start: async () => ({ ...(await startServer(name, words, process.env)), key: undefined }) }
}

async function measure({ name, start }: Contender, options: VersusOptions): Promise<Measured> {
  const { seconds, connections, rate, signal } = options
  const target = await start()
  try {
    await load(target, WARM_UP_SECONDS, connections, signal)
    const storing = name.includes('storing')
    if (storing) await drain(target, DRAIN_SECONDS, signal)
    const before = cpuMicroseconds(target.pid)
    const { tally, elapsedSeconds } = await load(target, seconds, connections, signal, { rate })
    // What was accepted has to be stored: that is part of the cost.
    if (storing) await drain(target, DRAIN_SECONDS, signal)
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

function latencyOf(latencies: Float64Array): Pick<Measured, 'p50Ms' | 'p99Ms'> {
  return { p50Ms: percentileOf(latencies, 50), p99Ms: percentileOf(latencies, 99) }
}

/** Places orders, as fast as so many connections can unless a rate is given, which all of them share. */
export async function load(
  target: Target,
  seconds: number,
  connections: number,
  signal: AbortSignal,
  { rate, next }: { readonly rate?: number | undefined; readonly next?: () => RequestToSend } = {},
) {
  const requests = createRequests(1)
  const tally = new Tally()
  const began = performance.now()
  await fire({
    url: target.url,
    lane: { kind: 'place-order', connections, arrivals: 'together', ...(rate !== undefined && { rate }) },
    seconds,
    next: next ?? (() => requests.next('place-order')),
    onAnswer: () => undefined,
    tally,
    now: () => performance.now() - began,
    signal,
  })
  return { tally, elapsedSeconds: (performance.now() - began) / 1000 }
}

/** The first contender is what the others are compared with. */
export function versusText(measured: ReadonlyMap<string, readonly Measured[]>): string {
  const rows = [...measured].map(([name, some]) => {
    const cpu = some.flatMap(({ cpuMicroseconds: one }) => (one === undefined ? [] : [one]))
    return {
      name,
      perSecond: median(some.map(({ perSecond }) => perSecond)),
      cpu: cpu.length === 0 ? undefined : median(cpu),
      p50: median(some.map(({ p50Ms }) => p50Ms)),
      p99: median(some.map(({ p99Ms }) => p99Ms)),
      notAccepted: some.reduce((total, { notAccepted }) => total + notAccepted, 0),
    }
  })
  const [first] = rows
  const figures = table(
    ['', 'requests/s', 'ratio', 'CPU µs/request', 'ratio', 'p50 ms', 'p99 ms', 'not accepted'],
    rows.map(({ name, perSecond, cpu, p50, p99, notAccepted }) => [
      name,
      Math.round(perSecond),
      notAccepted > 0 ? null : ratio(perSecond, first?.perSecond),
      cpu === undefined ? null : Math.round(cpu),
      notAccepted > 0 ? null : ratio(cpu, first?.cpu),
      Math.round(p50 * 100) / 100,
      Math.round(p99 * 100) / 100,
      notAccepted,
    ]),
  )
  // To refuse is less work than to accept, and still costs: neither figure would be of the same task.
  const unfit = rows
    .filter(({ notAccepted }) => notAccepted > 0)
    .map(({ name }) => `\n${name} did not accept every order: its row compares with no other.`)
  return [figures, ...unfit].join('\n')
}

function ratio(value: number | undefined, of: number | undefined): string | null {
  return value === undefined || of === undefined ? null : (value / of).toFixed(2)
}
