import { table } from '../../infra/ops/table.ts'
import { cpuMicroseconds } from '../machine.ts'
import { rateBetween, untilStored, type StoringRate } from '../outcome/standing.ts'
import { median } from '../statistics.ts'
import { startProduct, type Target } from '../target.ts'
import { inTurn, ratio, whole } from './figures.ts'
import { INTAKE_ALONE, load, startStoringBaseline, storedBy, type VersusOptions } from './versus.ts'
import { readLedger } from '../outcome/verdict.ts'

/** A program that stores the orders waiting in a topic. `stored` resolves with the number stored so far. */
interface Storer {
  readonly name: string
  readonly start: (topic: string) => Promise<Target>
  readonly stored: (target: Target) => Promise<number>
}

/** With only a few orders, the measurement would mostly cover start-up, before the code is JIT-compiled. */
const FILL_TIMES = 4

const STORERS: readonly Storer[] = [
  {
    name: 'kafkajs, one transaction per order',
    start: (topic) => startStoringBaseline('The consumer', 'express-kafkajs.ts', topic),
    stored: storedBy,
  },
  {
    name: 'product',
    start: (topic) => startProduct({ ORDERS_TOPIC: topic }),
    stored: async (target) => (await readLedger(target))?.totals.stored ?? 0,
  },
]

/**
 * Measures how fast the product stores orders waiting in a real Kafka topic, compared with a consumer that uses one
 * transaction per order. Both store the same orders, in turn; the clock runs from the first order stored to the last.
 */
export async function compareStoring(options: VersusOptions): Promise<string> {
  const { seconds, connections, onProgress, signal } = options
  let topic = ''
  let orders = 0
  async function fill(round: string): Promise<void> {
    onProgress(`${round}: filling the topic`)
    topic = `loadtest-storing-${Date.now().toString(36)}`
    orders = await fillTopic(topic, FILL_TIMES * seconds, connections, signal)
  }
  const measured = await inTurn(STORERS, options, (storer) => measure(storer, topic, orders, signal), fill)
  return storingText(measured, orders)
}

/** Accepts orders for this many seconds without storing them. Resolves with the number of records now in the topic. */
export async function fillTopic(
  topic: string,
  seconds: number,
  connections: number,
  signal: AbortSignal,
): Promise<number> {
  const target = await startProduct({ ...INTAKE_ALONE, ORDERS_TOPIC: topic })
  try {
    await load(target, { seconds, connections, signal })
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

/** Ratios are relative to the first storer. */
function storingText(measured: ReadonlyMap<string, readonly StoringRate[]>, orders: number): string {
  const rows = [...measured].map(([name, rounds]) => ({
    name,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    cpu: median(rounds.flatMap(({ cpuMicroseconds: cpu }) => cpu ?? [])),
  }))
  const figures = rows.map(({ name, perSecond, cpu }) => [
    name,
    whole(perSecond),
    ratio(perSecond, rows[0]?.perSecond),
    whole(cpu),
  ])
  return table([`storing ${orders} that wait`, 'orders/s', 'ratio', 'CPU µs/order'], figures)
}
