import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import {
  createOrderTraffic,
  expectPromisesKept,
  storedOrders,
  type OrderTraffic,
} from '../../support/orders/order-traffic.ts'
import { withProduct, type Product } from '../../support/product/product.ts'
import { createRandom } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '200ms,400ms' }
const CALLERS = 8

/** Places this many orders, all of which must be accepted. */
async function placeMany(traffic: OrderTraffic, count: number): Promise<void> {
  const random = createRandom(traffic.sent.size)
  const before = traffic.accepted.size
  let orders = 0
  await traffic.run(CALLERS, () => (orders++ < count ? randomOrder(random, `${before}-${orders}`, 3) : undefined))
  expect(traffic.accepted.size - before).toBe(count)
}

async function expectNothingParked(product: Product): Promise<void> {
  const { totals, parked } = await product.ledger()
  expect([totals.parked, parked.dead, parked.retrying]).toEqual([0, 0, 0])
  expect((await product.operate('/api/dead-letters')).body['items']).toEqual([])
}

test('While the store is down, orders are accepted and held; none is dead-lettered, and all are stored in the end', async () => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    await placeMany(traffic, 20)
    await product.settled()
    await product.breaks({ store: 'down' })
    await placeMany(traffic, 3000)

    const readiness = await product.ask('/api/health/ready')
    expect([readiness.status, readiness.body['ready']]).toEqual([200, true])
    expect(readiness.body['why']).toMatch(/^The store is unavailable: .*FAULTS/)
    for (const orderId of [...traffic.accepted.keys()].slice(-20)) {
      const { status, headers } = await product.ask(`/api/orders/${orderId}`)
      expect([status, headers.get('retry-after')]).toEqual([503, '1'])
    }
    const { totals } = await product.ledger()
    expect([totals.stored, totals.toCome]).toEqual([20, 3000])

    await product.breaks({})
    // A query finds an order even if the order is not stored yet.
    const newest = [...traffic.accepted.keys()].at(-1) ?? ''
    expect((await product.ask(`/api/orders/${newest}`)).status).toBe(200)
    await product.settled()
    await expectNothingParked(product)
    await expectPromisesKept(product, traffic)
    expect((await product.ask('/api/health/ready')).body).not.toHaveProperty('why')
  })
})

test('A process that is killed during the outage, and restarts while the store is down, loses nothing either', async () => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    await product.breaks({ store: 'down' })
    await placeMany(traffic, 300)
    await product.kill()
    await product.start()
    await product.breaks({ store: 'down' })
    await placeMany(traffic, 300)
    // On SIGTERM, the process gives a held batch back and exits normally.
    expect(await product.stop()).toBe(0)
    await product.start()
    await product.settled()
    await expectNothingParked(product)
    await expectPromisesKept(product, traffic)
  })
})

test.each([
  ['hangs', 'hang'],
  ['is slow', 'slow'],
] as const)('A store that %s delays orders but loses none', async (_, store) => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    await product.breaks({ store, slowMs: 300 })
    await placeMany(traffic, 500)
    // If a request has a key, the store is asked first, but the request waits only a limited time for its answer.
    const keyed = await traffic.place(randomOrder(createRandom(1), 'keyed'), { 'idempotency-key': 'a-key' })
    expect(keyed?.status).toBe(202)
    const waitedFor = await traffic.place(randomOrder(createRandom(2), 'waited-for'), { prefer: 'wait=1' })
    // A slow store may still answer in time.
    expect(waitedFor?.status).toBeOneOf(store === 'hang' ? [202] : [201, 202])
    const { status, body } = await product.ask('/api/health/ready')
    expect([status, body['ready']]).toEqual([200, true])
    await product.breaks({})
    await product.settled()
    await expectNothingParked(product)
    await expectPromisesKept(product, traffic)
  })
})

test('While the store is locked for a long time, orders that arrive one by one are not parked', async () => {
  await withProduct({ FAULTS: 'on', RETRY_DELAYS: '50ms,50ms' }, async (product) => {
    const traffic = createOrderTraffic(product)
    await product.breaks({ store: 'busy' })
    const random = createRandom(4)
    for (let number = 0; number < 8; number += 1) {
      expect((await traffic.place(randomOrder(random, `${number}`, 3)))?.status).toBe(202)
      await sleep(700)
    }
    expect((await product.ledger()).totals).toMatchObject({ parked: 0, toCome: 8 })
    await product.breaks({})
    await product.settled()
    await expectNothingParked(product)
    await expectPromisesKept(product, traffic)
  })
})

test('While the log is down no order is accepted, and the same requests succeed when it is back', async () => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    await placeMany(traffic, 20)
    await product.breaks({ log: 'down' })
    const random = createRandom(2)
    const refused = Array.from({ length: 20 }, (_, index) => randomOrder(random, `refused-${index}`, 3))
    // `place` itself checks the content of each refusal.
    for (const order of refused) expect((await traffic.place(order, { prefer: 'wait=1' }))?.status).toBe(503)
    expect(traffic.accepted.size).toBe(20)
    const readiness = await product.ask('/api/health/ready')
    expect([readiness.status, readiness.body['why']]).toEqual([
      503,
      expect.stringMatching(/^The log is unavailable: .*FAULTS/),
    ])

    await product.breaks({})
    await vi.waitFor(async () => expect((await product.ask('/api/health/ready')).status).toBe(200))
    for (const order of refused) expect((await traffic.place(order))?.status).toBe(202)
    await product.settled()
    expect((await product.ledger()).totals).toMatchObject({ records: 40, stored: 40, duplicate: 0 })
    await expectPromisesKept(product, traffic)
  })
})

test('A record that cannot be parked because the log is down stays in its batch and does not affect the others', async () => {
  await withProduct(SETTINGS, async (product) => {
    const traffic = createOrderTraffic(product)
    // The store stays down until the log goes down. So the log is already down when the bad order has to be parked.
    await product.breaks({ store: 'down' })
    await placeMany(traffic, 50)
    const others = [...traffic.accepted.keys()]
    await traffic.place({ ...randomOrder(createRandom(3), 'culprit'), customerId: 13 })
    await product.breaks({ log: 'down', throwForCustomers: [13] })
    await vi.waitFor(
      async () => expect([...(await storedOrders(product)).keys()].toSorted()).toEqual(others.toSorted()),
      {
        timeout: 20_000,
      },
    )
    const { totals } = await product.ledger()
    expect(totals.parked).toBe(0)
    expect(totals.toCome).toBeGreaterThan(0)
    await product.breaks({})
    await product.settled()
    await expectPromisesKept(product, traffic)
  })
})
