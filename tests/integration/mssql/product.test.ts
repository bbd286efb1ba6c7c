import { describe, expect, test, vi } from 'vitest'
import { redriveAll } from '../../support/orders/dead-letters.ts'
import { skipsSqlServer, testDatabase, type TestDatabase } from '../../support/mssql/mssql-database.ts'
import { createOrderTraffic, expectPromisesKept } from '../../support/orders/order-traffic.ts'
import { withProduct, type Product } from '../../support/product/product.ts'
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

  test('is examined by the doctor', async () => {
    await onSqlServer({}, async (product) => {
      const { checks } = (await product.operate('/api/ops/doctor')).body as unknown as { checks: { name: string }[] }
      const names = checks.map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(['store', 'server', 'full text', 'isolation', 'indexes', 'schema']))
    })
  })
})
