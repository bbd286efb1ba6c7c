import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import {
  createOrderTraffic,
  expectPromisesKept,
  storedOrders,
  type OrderTraffic,
} from '../../support/orders/order-traffic.ts'
import { withProduct, type Product } from '../../support/product/product.ts'
import { createRandom, type Random } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

const SETTINGS = { FAULTS: 'on', ORDERS_PARTITIONS: '3' }

async function placeMany(traffic: OrderTraffic, random: Random, count: number): Promise<void> {
  const until = traffic.sent.size + count
  await traffic.run(8, () => (traffic.sent.size < until ? randomOrder(random, `${traffic.sent.size}`, 3) : undefined))
}

/** The uncommitted offsets of each partition. */
async function uncommitted(product: Product): Promise<{ partition: number; from: number; end: number }[]> {
  const { orders } = await product.pipeline()
  return orders.partitions.map(({ partition, committed, end }) => ({ partition, from: committed, end }))
}

/** Commits these offsets for the group, although nothing was processed. The product must be stopped. */
function commitBehindItsBack({ dataDir }: Product, next: ReadonlyMap<number, number>): void {
  const log = new DatabaseSync(join(dataDir, 'log.db'))
  const commit = log.prepare(`
    INSERT INTO group_offsets SELECT 'order-processor', id, ? FROM partitions WHERE topic = 'orders' AND partition = ?
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset`)
  for (const [partition, offset] of next) commit.run(offset, partition)
  log.close()
}

/** Every offset of the verdict's gaps, as `partition:offset`. */
function offsetsOf({ gaps }: LedgerVerdict): string[] {
  return gaps.flatMap(({ partition, from, to }) =>
    Array.from({ length: to - from }, (_, index) => `${partition}:${from + index}`),
  )
}

/** Stops the product when 60 orders are stored and 60 more are in the log, with their offsets not committed. */
async function stopWithWork(product: Product, traffic: OrderTraffic, random: Random) {
  await placeMany(traffic, random, 60)
  await product.settled()
  await product.breaks({ store: 'down' })
  await placeMany(traffic, random, 60)
  const waiting = await uncommitted(product)
  expect(waiting.every(({ from, end }) => end - from > 2)).toBe(true)
  expect(await product.stop()).toBe(0)
  return waiting
}

test('Records that the consumer passed over are listed by the ledger, offset by offset, and stored by the repair', async () => {
  await withProduct(SETTINGS, async (product) => {
    const random = createRandom(1)
    const traffic = createOrderTraffic(product)
    const waiting = await stopWithWork(product, traffic, random)
    // The consumer gets only the last record of each partition, which moves it past the others.
    commitBehindItsBack(product, new Map(waiting.map(({ partition, end }) => [partition, end - 1])))
    const passedOver = waiting.flatMap(({ partition, from, end }) =>
      Array.from({ length: end - 1 - from }, (_, index) => `${partition}:${from + index}`),
    )
    await product.start()
    await product.settled()

    const verdict = await product.ledger()
    expect(verdict.balanced).toBe(false)
    expect(offsetsOf(verdict)).toEqual(passedOver)
    expect(verdict.summary).toContain(
      `Not balanced: ${passedOver.length} records were passed over, at ${passedOver[0]}`,
    )
    expect(verdict.totals).toMatchObject({ records: 120, stored: 120 - passedOver.length, gaps: passedOver.length })
    const stored = await storedOrders(product)
    for (const orderId of [...traffic.accepted.keys()].filter((orderId) => !stored.has(orderId))) {
      const { status, body } = await product.ask(`/api/orders/${orderId}`)
      expect([status, body['status']]).toEqual([200, 'accepted'])
    }

    const repair = await product.operate('/api/ops/ledger/repair', { method: 'POST' })
    expect(repair.body).toMatchObject({
      processed: passedOver.length,
      ledger: { balanced: true, gaps: [], totals: { stored: 120, gaps: 0 } },
    })
    const again = await product.operate('/api/ops/ledger/repair', { method: 'POST' })
    expect(again.body).toMatchObject({ processed: 0 })
    await expectPromisesKept(product, traffic)
  })
})

test('Records passed over at the end of the log are listed even if no record follows them', async () => {
  await withProduct(SETTINGS, async (product) => {
    const random = createRandom(2)
    const traffic = createOrderTraffic(product)
    const waiting = await stopWithWork(product, traffic, random)
    commitBehindItsBack(product, new Map(waiting.map(({ partition, end }) => [partition, end])))
    await product.start()
    const verdict = await product.ledger()
    expect(verdict.balanced).toBe(false)
    expect(offsetsOf(verdict)).toHaveLength(60)
    const repair = await product.operate('/api/ops/ledger/repair', { method: 'POST' })
    expect(repair.body).toMatchObject({ processed: 60, ledger: { balanced: true, gaps: [] } })
    await expectPromisesKept(product, traffic)
  })
})

test('A consumer that is moved back stores nothing twice and counts nothing twice', async () => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    await placeMany(traffic, createRandom(3), 60)
    await product.breaks({ poison: 3 })
    await product.settled()
    const before = await product.ledger()
    expect(await product.stop()).toBe(0)
    commitBehindItsBack(product, new Map([0, 1, 2].map((partition) => [partition, 0])))
    await product.start()
    await product.settled()
    expect(await product.ledger()).toEqual(before)
    expect((await product.operate('/api/dead-letters')).body['items']).toHaveLength(3)
    await expectPromisesKept(product, traffic)
  })
})
