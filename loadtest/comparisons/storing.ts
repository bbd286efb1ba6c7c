import { join } from 'node:path'
import { table } from '../../infra/ops/table.ts'
import { cpuMicroseconds } from '../machine.ts'
import { rateBetween, untilStored, type StoringRate } from '../outcome/standing.ts'
import { median } from '../statistics.ts'
import { ask, startProduct, startServer, type Target } from '../target.ts'
import { INTAKE_ALONE, load, type VersusOptions } from './versus.ts'
import { readLedger } from '../outcome/verdict.ts'

/** One that stores what waits in the topic, and how it tells how much it has stored. */
interface Storer {
  readonly name: string
  readonly start: (topic: string) => Promise<Target>
  readonly stored: (target: Target) => Promise<number>
}

/** A backlog that is gone in a moment tells of the beginning, before the code is compiled, and of little else. */
const FILL_TIMES = 4

const STORERS: readonly Storer[] = [
  {
    name: 'kafkajs, one transaction an order',
    start: async (topic) => {
      const environment = { ...process.env, ORDERS_TOPIC: topic }
      const words = [join(import.meta.dirname, '..', 'baselines', 'one-by-one.ts')]
      return { ...(await startServer('The consumer', words, environment)), key: undefined }
    },
    stored: async (target) => ((await ask(target, '/')).body as { stored: number }).stored,
  },
  {
    name: 'product',
    start: (topic) => startProduct({ ORDERS_TOPIC: topic }),
    stored: async (target) => (await readLedger(target))?.totals.stored ?? 0,
  },
]

/**
 * How fast what waits in a topic of a real Kafka is stored, by the product and by a consumer that makes one transaction
 * of each order. Both store the same orders, in turn; the clock runs from the first order that is stored to the last.
 */
export async function backlog(options: VersusOptions): Promise<string> {
  const measured = new Map<string, StoringRate[]>(STORERS.map(({ name }) => [name, []]))
  let orders = 0
  for (let round = 1; round <= options.rounds; round += 1) {
    const topic = `loadtest-backlog-${Date.now().toString(36)}`
    options.onProgress(`round ${round} of ${options.rounds}: filling the topic`)
    orders = await fillTopic(topic, FILL_TIMES * options.seconds, options.connections, options.signal)
    for (const storer of STORERS) {
      options.onProgress(`round ${round} of ${options.rounds}: ${storer.name}`)
      measured.get(storer.name)?.push(await measure(storer, topic, orders, options.signal))
      options.signal.throwIfAborted()
    }
  }
  options.onProgress('')
  return backlogText(measured, orders)
}

/** Accepts orders without storing them, for so long; resolves with how many wait in the topic then. */
export async function fillTopic(
  topic: string,
  seconds: number,
  connections: number,
  signal: AbortSignal,
): Promise<number> {
  const target = await startProduct({ ...INTAKE_ALONE, ORDERS_TOPIC: topic })
  try {
    await load(target, seconds, connections, signal)
    return (await readLedger(target))?.totals.records ?? 0
  } finally {
    await target.stop()
  }
}

async function measure(
  { name, start, stored }: Storer,
  topic: string,
  orders: number,
  signal: AbortSignal,
): Promise<StoringRate> {
  const target = await start(topic)
  const look = async () => ({ stored: await stored(target), at: performance.now(), cpu: cpuMicroseconds(target.pid) })
  try {
    const begun = await untilStored(1, name, look, signal)
    return rateBetween(begun, await untilStored(orders, name, look, signal))
  } finally {
    await target.stop()
  }
}

/** The first one is what the other is compared with. */
export function backlogText(measured: ReadonlyMap<string, readonly StoringRate[]>, orders: number): string {
  const rows = [...measured].map(([name, some]) => {
    const cpu = some.flatMap(({ cpuMicroseconds: one }) => (one === undefined ? [] : [one]))
    return { name, perSecond: median(some.map(({ perSecond }) => perSecond)), cpu: cpu.length > 0 ? median(cpu) : null }
  })
  const first = rows[0]?.perSecond ?? Number.NaN
  const figures = rows.map(({ name, perSecond, cpu }) => [
    name,
    Math.round(perSecond),
    (perSecond / first).toFixed(2),
    cpu === null ? null : Math.round(cpu),
  ])
  return table([`storing ${orders} that wait`, 'orders/s', 'ratio', 'CPU µs/order'], figures)
}
