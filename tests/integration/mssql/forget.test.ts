import { describe, expect, test, vi } from 'vitest'
import { startTestBroker, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { skipsSqlServer, testDatabase } from '../../support/mssql/mssql-database.ts'
import { redriveAll } from '../../support/orders/dead-letters.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { withProduct, type Product } from '../../support/product/product.ts'

const ORDER_ID_SECRET = 'only-for-tests-on-a-real-sql-server'
const CUSTOMER = 48_213
const PERSONAL = { customerName: 'Zyxelda', shippingAddress: '7 Umbralwick Lane' }
const WORDS = /Zyxelda|Umbralwick/
const DAY_MS = 86_400_000
const PATIENCE = { timeout: 30_000, interval: 200 }

/** Forgets a customer on a real server, with either log. */
describe.skipIf(skipsSqlServer)('A customer whose data is on the server that TEST_SQL_CONNECTION_STRING names', () => {
  async function onSqlServer(settings: Record<string, string>, story: (product: Product) => Promise<void>) {
    await using database = testDatabase()
    await database.create()
    const store = { SQL_CONNECTION_STRING: database.connectionString, ORDER_ID_SECRET }
    await withProduct({ FAULTS: 'on', RETRY_DELAYS: '200ms', ...store, ...settings }, story)
  }

  function steps(product: Product) {
    const view = async (orderId: string) => (await product.ask(`/api/orders/${orderId}`)).body
    const untilStatus = (orderId: string, status: string) =>
      vi.waitFor(async () => expect(await view(orderId)).toMatchObject({ status }), PATIENCE)
    return {
      view,
      untilStatus,
      place: async (status: string) => {
        const body = { ...ORIGINAL_BODY, ...PERSONAL, customerId: CUSTOMER }
        const orderId = String((await product.ask('/api/orders', { method: 'POST', body })).body['orderId'])
        await untilStatus(orderId, status)
        return orderId
      },
      amend: async (orderId: string, body: object) => {
        const headers = { 'content-type': 'application/merge-patch+json' }
        await product.ask(`/api/orders/${orderId}`, { method: 'PATCH', headers, body })
        await vi.waitFor(async () => expect(await view(orderId)).toMatchObject({ version: 2 }), PATIENCE)
      },
      forget: async (body: object) =>
        (await product.operate(`/api/customers/${CUSTOMER}/forget`, { method: 'POST', body })).body,
      rebuild: async () => {
        await product.operate('/api/ops/rebuild', { method: 'POST', body: {} })
        const rebuilt = async () => (await product.operate('/api/ops/rebuild')).body['rebuild']
        await vi.waitFor(async () => expect(await rebuilt()).toMatchObject({ state: 'done' }), PATIENCE)
      },
      expectForgotten: async (orderId: string) => {
        await untilStatus(orderId, 'stored')
        const seen = await view(orderId)
        expect(seen).toMatchObject({ forgotten: true, customerId: CUSTOMER })
        expect(JSON.stringify(seen)).not.toMatch(WORDS)
        expect((await product.ask('/api/orders/search?q=zyxelda')).body['items']).toEqual([])
      },
    }
  }

  test('is forgotten in the store and in the embedded log, and nothing brings the data back', async () => {
    await onSqlServer({}, async (product) => {
      const { place, amend, forget, rebuild, expectForgotten } = steps(product)
      const stored = await place('stored')
      await amend(stored, { billingAddress: '9 Umbralwick Lane' })
      await product.breaks({ throwForCustomers: [CUSTOMER] })
      const dead = await place('dead-lettered')
      expect(await forget({ reason: 'Asked for it.' })).toMatchObject({
        store: { orders: 1, unstored: 1, changes: 1, deadLetters: 1 },
        log: { redacts: true },
        remains: [expect.stringContaining('transaction log'), expect.stringMatching(/^Earlier backups/)],
      })
      await product.breaks({})
      await redriveAll(product)
      await product.settled()
      await rebuild()
      for (const orderId of [stored, dead]) await expectForgotten(orderId)
      expect(await product.ledger()).toMatchObject({ balanced: true })
      expect(await forget({ dryRun: true })).toMatchObject({
        store: { orders: 0, unstored: 0, changes: 0, deadLetters: 0 },
        log: { records: 0 },
      })
    })
  })

  test.skipIf(skipsKafka)(
    'is forgotten in the store, and the response says until when Kafka has the data',
    async () => {
      await using broker = await startTestBroker()
      await onSqlServer({ KAFKA_BROKERS: broker.address, LOG_RETENTION: '90d' }, async (product) => {
        const { place, amend, forget, rebuild, expectForgotten } = steps(product)
        const before = Date.now()
        const stored = await place('stored')
        await amend(stored, { billingAddress: '9 Umbralwick Lane' })
        const { store, log, remains } = await forget({ reason: 'Asked for it.' })
        expect(store).toMatchObject({ orders: 1, changes: 1 })
        const topic = { topic: 'orders', records: 2, forEver: false, until: expect.any(String) }
        expect(log).toEqual({ records: 2, redacts: false, topics: [topic] })
        const [{ until } = { until: '' }] = (log as { topics: { until: string }[] }).topics
        expect(Date.parse(until)).toBeGreaterThanOrEqual(before + 90 * DAY_MS)
        expect(remains).toEqual([
          expect.stringContaining(until),
          expect.stringMatching(/^If ORDERS_TOPIC was different/),
          expect.stringContaining('transaction log'),
          expect.stringMatching(/^Earlier backups/),
        ])
        await rebuild()
        await expectForgotten(stored)
        expect(await forget({ dryRun: true })).toMatchObject({ store: { orders: 0, changes: 0 }, log: { records: 2 } })
      })
    },
  )
})
