import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../../infra/ops/table.ts'
import type { RequestToSend } from '../sending/connections.ts'
import { createOrders } from '../orders.ts'
import { whole } from './figures.ts'
import { growProcessors, type GrowthOptions } from './processors.ts'
import type { Factor } from '../plan.ts'
import { percentileOf } from '../statistics.ts'
import { ask, startProduct, type Target } from '../target.ts'
import { fill } from './fill.ts'
import { measureLoad } from './load.ts'
import { STORING_PRODUCT } from './programs.ts'

const ITEMS = [1, 5, 25, 100, 500]
const BATCHES = [1, 10, 64, 500]
const STORED = [1_000, 10_000, 100_000, 1_000_000]
/**
 * The number of bodies built in advance and sent in rotation, because building one with 500 items costs more than
 * sending it.
 */
const BODIES = 32
const READS = 200
const SETTLE_MS = 15_000

const GROW: Readonly<Record<Factor, (options: GrowthOptions) => Promise<string>>> = {
  items: growEach,
  batch: growEach,
  stored: growStored,
  processors: growProcessors,
}

/** A table that shows how cost grows with one factor while everything else stays the same. */
export function growth(options: GrowthOptions): Promise<string> {
  return GROW[options.factor](options)
}

/** Starts a new instance of the product for each value. */
async function growEach({ factor, seconds, connections, onProgress, signal }: GrowthOptions): Promise<string> {
  const rows: (string | number | null)[][] = []
  for (const value of factor === 'items' ? ITEMS : BATCHES) {
    onProgress(`${factor} ${value}`)
    const batch = { AzureFunctionsJobHost__extensions__kafka__maxBatchSize: String(value) }
    const target = await startProduct(factor === 'batch' ? batch : {})
    try {
      const next = placing(factor === 'items' ? value : 1)
      const measured = await measureLoad(target, { seconds, connections, signal, next }, STORING_PRODUCT)
      const { tally, elapsedSeconds, settleSeconds, cpuMicroseconds: cpu } = measured
      rows.push([
        value,
        whole(tally.succeeded / elapsedSeconds),
        whole(tally.succeeded / (elapsedSeconds + settleSeconds)),
        whole(cpu),
        cpu === undefined || factor !== 'items' ? null : Math.round((cpu / value) * 10) / 10,
      ])
    } finally {
      await target.stop()
    }
  }
  const name = factor === 'items' ? 'items per order' : 'records per batch, at most'
  return table([name, 'accepted/s', 'stored/s', 'CPU µs/order', 'CPU µs/item'], rows)
}

/** Fills one store in stages, and sends the same requests at each stage. */
async function growStored({ connections, onProgress, signal }: GrowthOptions): Promise<string> {
  const rows: (string | number)[][] = []
  const target = await startProduct()
  const began = performance.now()
  try {
    for (const size of STORED) {
      onProgress(`until ${size} orders are stored`)
      await fill(target, size, connections, signal)
      await STORING_PRODUCT.settle(target, size, signal)
      const seconds = (performance.now() - began) / 1000
      // Gives work that continues after the orders are stored, such as a checkpoint, time to finish before reads are
      // measured.
      await sleep(SETTLE_MS, undefined, { signal })
      onProgress(`reading, with ${size} orders stored`)
      rows.push([size, Math.round(seconds), ...(await readTimes(target))])
    }
  } finally {
    await target.stop()
  }
  const columns = ['by id', 'newest 50', 'one customer', 'search: few match', 'search: a tenth matches']
  return `${table(['orders', 'after s', ...columns.map((column) => `${column}, ms`)], rows)}\nMedian / p99 of ${READS} requests, one after the other.`
}

async function readTimes(target: Target): Promise<string[]> {
  const { body } = await ask(target, '/api/orders?limit=200')
  const ids = (body as { items: { orderId: string }[] }).items.map(({ orderId }) => orderId)
  const some = createOrders(7)
  const paths: ((index: number) => string)[] = [
    (index) => `/api/orders/${ids[index % ids.length]}`,
    () => '/api/orders?limit=50',
    () => `/api/orders?customerId=${some.customerId()}&limit=50`,
    (index) => `/api/orders/search?q=${encodeURIComponent(FEW[index % FEW.length] ?? '')}&limit=50`,
    () => '/api/orders/search?q=specimen&limit=50',
  ]
  const figures: string[] = []
  for (const path of paths) {
    await ask(target, path(0))
    const times: number[] = []
    for (let index = 0; index < READS; index += 1) {
      const began = performance.now()
      await ask(target, path(index))
      times.push(performance.now() - began)
    }
    const sorted = Float64Array.from(times).sort()
    figures.push(`${percentileOf(sorted, 50).toFixed(2)} / ${percentileOf(sorted, 99).toFixed(1)}`)
  }
  return figures
}

/** A first name, a last name, and three words that describe an item: about 1 order in 10,000 contains all five. */
const FEW = ['alex specimen acorn belt red', 'kim model iris coat grey', 'sam fixture fern hat blue']

/** Requests that place orders with this many items. */
function placing(items: number): () => RequestToSend {
  const orders = createOrders(1)
  const bodies = Array.from({ length: BODIES }, () => {
    const order = JSON.parse(orders.next()) as { orderItems: { itemCode: string }[] }
    const [first] = order.orderItems
    const orderItems = Array.from({ length: items }, (_, line) => ({ ...first, itemCode: `IC-${line}` }))
    return JSON.stringify({ ...order, orderItems })
  })
  let sent = 0
  return () => {
    sent += 1
    const body = bodies[sent % BODIES] ?? ''
    return { method: 'POST', path: '/api/orders', headers: { 'content-type': 'application/json' }, body }
  }
}
