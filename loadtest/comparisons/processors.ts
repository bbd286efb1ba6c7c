import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { table } from '../../infra/ops/table.ts'
import { createClient } from '../../shared/adapters/kafka/client/connection.ts'
import { readConfig } from '../../shared/settings/config.ts'
import { ratio, whole, type Caller } from './figures.ts'
import { load } from './load.ts'
import { INTAKE_ALONE } from './programs.ts'
import { cpuMicroseconds } from '../machine.ts'
import { LOOK_EVERY_MS, rateBetween, untilStored, type Standing, type StoringRate } from '../outcome/standing.ts'
import { startProduct, TargetError, type Target } from '../target.ts'
import { readLedger } from '../outcome/verdict.ts'
import type { GrowthTask } from '../options.ts'

export type GrowthOptions = Omit<GrowthTask, 'does'> & Caller

const PROCESSORS = [1, 2, 3]
/**
 * The topic is filled for `seconds` multiplied by this factor. As a result, enough orders remain when all processors
 * have joined, although the first one starts storing at once.
 */
const FILL_TIMES = 10
const JOIN_LIMIT_MS = 60_000

/**
 * Measures how fast one, two and three processes in one consumer group store orders that are already waiting in a real
 * Kafka topic. Each process has its own store, because the lock on a shared file would be the bottleneck. The clock
 * starts when all processes have joined the group and have their partitions.
 */
export async function growProcessors({ seconds, connections, onProgress, signal }: GrowthOptions): Promise<string> {
  const { kafka } = readConfig(process.env, 'embedded')
  if (kafka === undefined) throw new TargetError('The processors need a real Kafka broker: set KAFKA_BROKERS.')
  const topic = `loadtest-processors-${Date.now().toString(36)}`
  onProgress('filling the topic')
  const orders = await fillTopic(topic, FILL_TIMES * seconds, connections, signal)

  const admin = createClient(kafka).admin()
  await admin.connect()
  try {
    const rows: (string | number | null)[][] = []
    let first: number | undefined
    for (const processors of PROCESSORS) {
      onProgress(`${processors} of ${PROCESSORS.length} processors`)
      const { perSecond, cpuMicroseconds: cpu } = await measure(admin, { topic, processors, orders, signal })
      first ??= perSecond
      rows.push([processors, whole(perSecond), ratio(perSecond, first), whole(cpu)])
    }
    return table(['processors', `stored/s of ${orders} waiting orders`, 'ratio', 'CPU µs/order'], rows)
  } finally {
    await admin.disconnect()
  }
}

/** Accepts orders for this many seconds without storing them. Resolves with the number of records now in the topic. */
async function fillTopic(topic: string, seconds: number, connections: number, signal: AbortSignal): Promise<number> {
  const target = await startProduct({ ...INTAKE_ALONE, ORDERS_TOPIC: topic })
  try {
    await load(target, { seconds, connections, signal })
    return (await readLedger(target))?.totals.records ?? 0
  } finally {
    await target.stop()
  }
}

interface Run {
  readonly topic: string
  readonly processors: number
  readonly orders: number
  readonly signal: AbortSignal
}

async function measure(admin: Admin, { topic, processors, orders, signal }: Run): Promise<StoringRate> {
  // A new group reads the topic from the beginning.
  const groupId = `${topic}-${processors}`
  const settings = { ORDERS_TOPIC: topic, ORDERS_CONSUMER_GROUP: groupId }
  const starting = await Promise.allSettled(Array.from({ length: processors }, () => startProduct(settings)))
  const targets = starting.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  try {
    for (const start of starting) if (start.status === 'rejected') throw start.reason
    await untilAllAreMembers(admin, groupId, processors, signal)
    const begun = await standing(targets)
    // With fewer than half of the orders left, start and end effects would dominate the measurement.
    if (begun.stored > orders / 2)
      throw new TargetError('Most orders were stored before all processors had joined: use a larger --seconds.')
    return rateBetween(begun, await untilStored(orders, 'The group', () => standing(targets), signal))
  } finally {
    await Promise.all(targets.map((target) => target.stop()))
  }
}

async function untilAllAreMembers(admin: Admin, groupId: string, members: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + JOIN_LIMIT_MS
  for (;;) {
    const [group] = (await admin.describeGroups([groupId])).groups
    if (group?.state === 'Stable' && group.members.length === members) return
    if (performance.now() > deadline) throw new TargetError(`Not all ${members} processors joined ${groupId}.`)
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** Batches that were delivered twice while members were joining are in two stores and are counted twice. */
async function standing(targets: readonly Target[]): Promise<Standing> {
  const ledgers = await Promise.all(targets.map(readLedger))
  const cpus = targets.flatMap(({ pid }) => cpuMicroseconds(pid) ?? [])
  return {
    at: performance.now(),
    stored: sum(ledgers.map((ledger) => ledger?.totals.stored ?? 0)),
    cpu: cpus.length === targets.length ? sum(cpus) : undefined,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
