import { describe, expect, test, vi } from 'vitest'
import { redriveAll } from '../../support/orders/dead-letters.ts'
import { skipsSqlServer, testDatabase, type TestDatabase } from '../../support/mssql/mssql-database.ts'
import { createOrderTraffic, expectPromisesKept } from '../../support/orders/order-traffic.ts'
import { withProduct, type Product } from '../../support/product/product.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { createRandom } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

const ORDER_ID_SECRET = 'only-for-tests-on-a-real-sql-server'

/** The whole pipeline, with its store on a real server. */
describe.skipIf(skipsSqlServer)('The product on the server that TEST_SQL_CONNECTION_STRING names', () => {
  async function onSqlServer(
    settings: Record<string, string>,
    story: (product: Product, database: TestDatabase) => Promise<void>,
  ): Promise<void> {
    await using database = testDatabase()
    await database.create()
    const store = { SQL_CONNECTION_STRING: database.connectionString, ORDER_ID_SECRET }
    await withProduct({ FAULTS: 'on', ...store, ...settings }, (product) => story(product, database))
  }

  test('stores each order once, word for word, despite repeated kills', async () => {
    const random = createRandom(11)
    await onSqlServer({}, async (product) => {
      const traffic = createOrderTraffic(product)
      for (let life = 0; life < 5; life += 1) {
        if (!product.isRunning) await product.start()
        let placed = 0
        const broken = traffic.run(8, () => {
          if (placed === 60) void product.kill()
          return randomOrder(random, `${life}-${placed++}`, 5)
        })
        await broken
        await vi.waitFor(() => expect(product.isRunning).toBe(false))
      }
      await product.start()
      await product.settled()
      expect(traffic.accepted.size).toBeGreaterThan(100)
      await expectPromisesKept(product, traffic)
    })
  })

  test('parks records that cannot be stored, redrives them, and finds every order again after a rebuild', async () => {
    const random = createRandom(12)
    await onSqlServer({ RETRY_DELAYS: '200ms' }, async (product, database) => {
      const traffic = createOrderTraffic(product)
      await product.breaks({ throwForCustomers: [13], poison: 3 })
      let orders = 0
      await traffic.run(8, () => {
        const order = randomOrder(random, `${orders}`, 3)
        return orders++ < 100 ? { ...order, customerId: orders % 20 === 0 ? 13 : order.customerId } : undefined
      })
      await product.settled()
      expect(await product.ledger()).toMatchObject({ balanced: true, parked: { dead: 8 } })
      await product.breaks({})
      await redriveAll(product)
      await product.settled()
      await expectPromisesKept(product, traffic)

      await database.run("UPDATE orders SET customer_name = N'Damaged'; DELETE FROM order_items WHERE line > 0;")
      await product.operate('/api/ops/rebuild', { method: 'POST', body: {} })
      const rebuilt = async () => (await product.operate('/api/ops/rebuild')).body['rebuild']
      await vi.waitFor(async () => expect(await rebuilt()).toMatchObject({ state: 'done', kept: 0 }), {
        timeout: 30_000,
      })
      await expectPromisesKept(product, traffic)
    })
  })

  test('forgets a customer in the store and in the log, and stores nothing of that customer later', async () => {
    const customer = { customerId: 48_213, customerName: 'Zyxelda', shippingAddress: '7 Umbralwick Lane' }
    await onSqlServer({ RETRY_DELAYS: '200ms' }, async (product) => {
      const headers = { prefer: 'wait=10' }
      const place = async () => {
        const answer = await product.ask('/api/orders', {
          method: 'POST',
          body: { ...ORIGINAL_BODY, ...customer },
          headers,
        })
        return String(answer.body['orderId'])
      }
      const path = (orderId: string) => `/api/orders/${orderId}`
      const stored = await place()
      const patch = { 'content-type': 'application/merge-patch+json', ...headers }
      await product.ask(path(stored), {
        method: 'PATCH',
        headers: patch,
        body: { billingAddress: '9 Umbralwick Lane' },
      })
      await product.breaks({ throwForCustomers: [48_213] })
      const dead = await place()
      await vi.waitFor(async () =>
        expect((await product.ask(path(dead))).body).toMatchObject({ status: 'dead-lettered' }),
      )

      const forget = { method: 'POST', body: { reason: 'Asked for it.' } }
      const { body } = await product.operate('/api/customers/48213/forget', forget)
      expect(body).toMatchObject({
        store: { orders: 1, unstored: 1, changes: 1, deadLetters: 1 },
        log: { redacts: true },
        remains: [expect.stringContaining('transaction log'), expect.stringContaining('Backups')],
      })
      await product.breaks({})
      await redriveAll(product)
      await product.settled()
      await product.operate('/api/ops/rebuild', { method: 'POST', body: {} })
      const rebuilt = async () => (await product.operate('/api/ops/rebuild')).body['rebuild']
      await vi.waitFor(async () => expect(await rebuilt()).toMatchObject({ state: 'done' }), { timeout: 30_000 })
      for (const orderId of [stored, dead]) {
        const seen = await product.ask(path(orderId))
        expect(seen.body).toMatchObject({ status: 'stored', forgotten: true, customerId: 48_213 })
        expect(seen.text).not.toMatch(/Zyxelda|Umbralwick/)
      }
      expect((await product.ask('/api/orders/search?q=zyxelda')).body['items']).toEqual([])
      expect(await product.ledger()).toMatchObject({ balanced: true })
      expect(
        (await product.operate('/api/customers/48213/forget', { method: 'POST', body: { dryRun: true } })).body,
      ).toMatchObject({ store: { orders: 0, unstored: 0, changes: 0, deadLetters: 0 }, log: { records: 0 } })
    })
  })

  test('is examined by the doctor', async () => {
    await onSqlServer({}, async (product) => {
      const { checks } = (await product.operate('/api/ops/doctor')).body as unknown as { checks: { name: string }[] }
      const names = checks.map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(['store', 'server', 'full text', 'isolation', 'indexes', 'schema']))
    })
  })
})
