import { setTimeout as sleep } from 'node:timers/promises'
import { createOrders } from '../orders.ts'
import { readLedger } from '../outcome/verdict.ts'
import { ask, type Target } from '../target.ts'
import { load } from './load.ts'

/** The maximum number of orders placed one by one at the end, to reach the exact number. */
const BURST = 20_000

/** Places orders until the product has accepted `size` orders since its log began. */
export async function fill(target: Target, size: number, connections: number, signal: AbortSignal): Promise<void> {
  const orders = createOrders(size)
  for (;;) {
    signal.throwIfAborted()
    const missing = size - ((await readLedger(target))?.totals.accepted ?? 0)
    if (missing <= 0) return
    if (missing > BURST) {
      await load(target, { seconds: Math.ceil(missing / BURST / 2), connections, signal })
      continue
    }
    let left = missing
    const placeSome = async () => {
      while (left > 0) {
        left -= 1
        await placeOne(target, orders.next())
      }
    }
    await Promise.all(Array.from({ length: connections }, placeSome))
  }
}

async function placeOne(target: Target, body: string): Promise<void> {
  const { status } = await ask(target, '/api/orders', JSON.parse(body))
  // The product's queue is temporarily full. The order counts as missing, and the next round places it.
  if (status === 429) await sleep(1000)
}
