import { expect, test, vi } from 'vitest'
import { skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { startKafkaProduct } from '../../support/kafka/kafka-product.ts'
import { findJava } from '../../support/kafka/neighbours.ts'
import { orderCommand, testOrderIds } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const streams = await findJava('streams')
const ORDERS = 300
const WAIT = { timeout: 60_000, interval: 200 }

/** The event in structured mode, as another producer would write it. */
function structuredOrder(orderId: string) {
  const event = {
    specversion: '1.0',
    id: orderId,
    type: 'NewOrder.v1',
    source: '/shop',
    time: '2026-01-01T00:00:00Z',
    data: orderCommand(),
  }
  return {
    key: orderId,
    value: JSON.stringify(event),
    headers: [['content-type', 'application/cloudevents+json']] as const,
  }
}

test.skipIf(skipsKafka || streams.isMissing)(
  'Orders that Kafka Streams writes exactly once are stored once, even if Kafka Streams is killed midway',
  async () => {
    await using neighbourhood = await startKafkaProduct()
    const { broker, log, product } = neighbourhood
    const state = temporaryDirectory()
    await log.ensureTopics([{ name: 'shop', partitions: 2, replication: 1, config: {} }])
    const orderIds = Array.from({ length: ORDERS }, () => testOrderIds.next(Date.now()))
    await log.publish('shop', orderIds.map(structuredOrder))
    const run = () => streams.start('Streams.java', broker.address, 'shop', 'orders', state)
    const stored = async () => (await product.ledger()).totals.stored

    {
      await using killed = run()
      await killed.says(/^running$/)
      await vi.waitFor(async () => expect(await stored()).toBeGreaterThan(0), WAIT)
      await killed.kill()
    }
    await using survivor = run()
    await vi.waitFor(async () => expect(await stored()).toBe(ORDERS), WAIT)
    survivor.end()
    await survivor.ended

    for (const orderId of [orderIds[0], orderIds.at(-1)]) {
      expect((await product.ask(`/api/orders/${orderId}`)).body).toMatchObject({ status: 'stored' })
    }
    const { balanced, summary, totals } = await product.ledger()
    expect({ balanced, summary }).toMatchObject({ balanced: true })
    expect(totals).toMatchObject({ stored: ORDERS, duplicate: 0, parked: 0 })
  },
)
