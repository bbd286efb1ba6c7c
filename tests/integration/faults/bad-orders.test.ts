import { expect, test, vi } from 'vitest'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import { POISON, redriveAll } from '../../support/orders/dead-letters.ts'
import { createOrderTraffic, expectPromisesKept, storedOrders } from '../../support/orders/order-traffic.ts'
import { withProduct, type Product } from '../../support/product/product.ts'
import { createRandom } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

interface Letter {
  readonly id: string
  readonly state: string
  readonly origin: { readonly partition: number; readonly offset: number }
  readonly key: { readonly base64: string }
  readonly value: { readonly base64: string; readonly text: string | null }
  readonly lastCause: { readonly code: string }
}

async function letters(product: Product): Promise<Letter[]> {
  const { items } = (await product.operate('/api/dead-letters?limit=200')).body as { items: { id: string }[] }
  const whole = items.map(({ id }) => product.operate(`/api/dead-letters/${encodeURIComponent(id)}`))
  return (await Promise.all(whole)).map(({ body }) => body as unknown as Letter)
}

const orderOf = async (product: Product, orderId: string) =>
  (await product.ask(`/api/orders/${orderId}`)).body as unknown as OrderView

test('Poison records among good orders are dead-lettered byte for byte, and every good order is stored', async () => {
  await withProduct({ FAULTS: 'on' }, async (product) => {
    const random = createRandom(1)
    const traffic = createOrderTraffic(product)
    // The store is down while orders are sent, so that poison and good orders share batches.
    for (let round = 0; round < 5; round += 1) {
      await product.breaks({ store: 'down', poison: 4 })
      let orders = 0
      await traffic.run(8, () => (orders++ < 50 ? randomOrder(random, `${round}-${orders}`, 3) : undefined))
    }
    await product.breaks({})
    await product.settled()
    await expectPromisesKept(product, traffic)
    const dead = await letters(product)
    expect(dead).toHaveLength(20)
    for (const { id, state, value, origin, lastCause } of dead) {
      expect([value.base64, value.text]).toEqual([POISON.toString('base64'), null])
      expect([state, lastCause.code]).toEqual(['dead', 'undecodable-record'])
      expect(id).toBe(`orders:${origin.partition}:${origin.offset}`)
    }
    expect(new Set(dead.map(({ key }) => key.base64)).size).toBe(20)
    expect((await product.ledger()).parked).toMatchObject({ dead: 20, retrying: 0 })
  })
})

test('An order that our code fails on is retried, dead-lettered, redriven and stored, and its caller sees each step', async () => {
  await withProduct({ FAULTS: 'on', RETRY_DELAYS: '1s,400ms' }, async (product) => {
    const random = createRandom(2)
    const traffic = createOrderTraffic(product)
    await product.breaks({ throwForCustomers: [13] })
    let orders = 0
    const good = traffic.run(8, () => (orders++ < 200 ? randomOrder(random, `${orders}`, 3) : undefined))
    const placed = await traffic.place({ ...randomOrder(random, 'culprit'), customerId: 13 })
    const orderId = String(placed?.body['orderId'])
    const cause = { code: 'internal', detail: expect.stringContaining('a fault on our side') }
    await vi.waitFor(
      async () =>
        expect(await orderOf(product, orderId)).toMatchObject({
          status: 'retrying',
          attempt: 1,
          maxAttempts: 3,
          nextAttemptAt: expect.stringMatching(/Z$/),
          cause,
          customerId: 13,
        }),
      { timeout: 20_000, interval: 20 },
    )
    await good
    await product.settled()
    expect(await orderOf(product, orderId)).toMatchObject({ status: 'dead-lettered', cause })
    expect((await product.ledger()).totals).toMatchObject({ stored: 200, parked: 1 })

    await product.breaks({})
    const { status, body } = await product.operate('/api/dead-letters/redrive', {
      method: 'POST',
      headers: { 'x-operator': 'somebody' },
      body: { code: 'internal', reason: 'mended' },
    })
    expect(status).toBe(202)
    await vi.waitFor(
      async () =>
        expect((await product.operate(`/api/redrives/${String(body['id'])}`)).body).toMatchObject({
          state: 'done',
          total: 1,
          resolved: 1,
        }),
      { timeout: 20_000 },
    )
    expect(await orderOf(product, orderId)).toMatchObject({ status: 'stored', recovered: true })
    const history = (await product.ask(`/api/orders/${orderId}/history`)).body['items']
    expect(history).toMatchObject([
      { kind: 'accepted' },
      { kind: 'attempt-failed', attempt: 1, nextAttemptAt: expect.any(String), cause },
      { kind: 'attempt-failed', attempt: 2, nextAttemptAt: expect.any(String), cause },
      { kind: 'dead-lettered', cause },
      { kind: 'redriven' },
      { kind: 'stored' },
    ])
    expect((await letters(product)).map(({ state }) => state)).toEqual(['resolved'])
    await product.settled()
    await expectPromisesKept(product, traffic)
  })
})

test('If our code fails on many orders, they do not block one another or their tier', async () => {
  await withProduct({ FAULTS: 'on', RETRY_DELAYS: '200ms,400ms' }, async (product) => {
    const random = createRandom(3)
    const traffic = createOrderTraffic(product)
    await product.breaks({ throwForCustomers: [13] })
    let orders = 0
    const next = () => {
      const order = randomOrder(random, `${orders}`, 3)
      return orders++ % 10 === 0 ? { ...order, customerId: 13 } : order
    }
    await traffic.run(8, () => (orders < 1000 ? next() : undefined))
    // The fault is still active. Once their attempts are used up, the orders are dead-lettered rather than held.
    await product.settled()
    expect(await product.ledger()).toMatchObject({ totals: { stored: 900, parked: 100 }, parked: { dead: 100 } })
    await product.breaks({})
    await redriveAll(product)
    await product.settled()
    await expectPromisesKept(product, traffic)
  })
})

test('A process that searches for bad orders in a slow store still stops in time', async () => {
  await withProduct({ FAULTS: 'on' }, async (product) => {
    const random = createRandom(4)
    const traffic = createOrderTraffic(product)
    await product.breaks({ store: 'down' })
    let orders = 0
    await traffic.run(8, () =>
      orders++ < 400 ? { ...randomOrder(random, `${orders}`, 3), customerId: 13 + (orders % 2) } : undefined,
    )
    await product.breaks({ store: 'slow', slowMs: 200, throwForCustomers: [13] })
    await vi.waitFor(async () => expect((await storedOrders(product)).size).toBeGreaterThan(2), { timeout: 20_000 })
    expect(await product.stop()).toBe(0)
    await product.start()
    await product.settled()
    await expectPromisesKept(product, traffic)
  })
})
