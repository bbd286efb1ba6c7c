import { describe, expect, test, vi } from 'vitest'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import type { LogRecord, RecordToPublish } from '../../../shared/ports/event-log.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { deadLetters } from '../../support/orders/dead-letters.ts'
import { openKafkaLog, skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { createKafkaHosts } from '../../support/kafka/kafka-hosts.ts'
import { findPython } from '../../support/kafka/neighbours.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { pagesOf, type Product } from '../../support/product/product.ts'

const python = await findPython()
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '100ms', ORDERS_PARTITIONS: '1' }

type Repair = { processed: number; more: boolean; why: string | null; ledger: { balanced: boolean } }

async function repairOf(product: Product, path = '/api/ops/ledger/repair', body?: object): Promise<Repair> {
  const { body: answer } = await product.operate(path, { method: 'POST', ...(body !== undefined && { body }) })
  return answer as unknown as Repair
}

async function recordsOf(log: KafkaLog, topic: string): Promise<readonly LogRecord[]> {
  return log.read(topic, 0, 0, 1000)
}

/** A copy of a record, as a Kafka UI would send it. */
const copyOf = ({ key, value, headers }: LogRecord): RecordToPublish => ({ key, value, headers })

async function copyByLibrdkafka(address: string, topic: string, { key, value, headers }: LogRecord): Promise<void> {
  const base64 = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'))
  await using producer = python.start('produce.py', address, topic, '{}')
  producer.tell(
    JSON.stringify({
      key: base64(key),
      value: base64(value),
      headers: headers.map(([name, header]) => [name, base64(header)]),
    }),
  )
  producer.end()
  await producer.ended
}

describe.skipIf(skipsKafka)('a dead letter that is copied back into the orders topic with all of its headers', () => {
  test('is a record of its own; a repair and a reset of the ledger do not publish without end', async () => {
    await using broker = await startTestBroker()
    await using hosts = createKafkaHosts({ ...SETTINGS, KAFKA_BROKERS: broker.address })
    const product = await hosts.add()
    const { log } = openKafkaLog([broker.address])
    await using _ = log
    await log.publish('orders', [{ ...messageOf(), value: '{}' }, messageOf()])
    await product.settled()
    const [letter] = await recordsOf(log, 'orders-dlt')

    await log.publish('orders', [copyOf(letter!)])
    if (!python.isMissing) await copyByLibrdkafka(broker.address, 'orders', letter!)
    // If these headers were trusted, an offset that is not in the log would be counted, or another topic would be read.
    const forged: RecordToPublish[] = [
      ['orders', '999999'],
      ['elsewhere', '3'],
    ].map(([topic = '', offset = '']) => {
      const origin = [
        ['oep-origin-topic', topic],
        ['oep-origin-partition', '0'],
        ['oep-origin-offset', offset],
      ] as const
      const event = messageOf()
      return { ...event, headers: [...event.headers, ...origin] }
    })
    await log.publish('orders', [...forged, messageOf()])
    await product.settled()
    const copies = python.isMissing ? 1 : 2
    expect(await product.ledger()).toMatchObject({
      balanced: true,
      gaps: [],
      totals: { records: 5 + copies, accepted: 5 + copies, redriven: 0, stored: 4, parked: 1 + copies },
    })
    const ids = (await deadLetters(product)).map(({ id }) => id)
    expect(ids.toSorted()).toEqual(['orders:0:0', 'orders:0:2', 'orders:0:3'].slice(0, 1 + copies))

    const [{ end } = { end: 0 }] = await log.offsets('orders-dlt')
    expect(await repairOf(product)).toMatchObject({ processed: 0, more: false, why: null })
    expect(await log.offsets('orders-dlt')).toMatchObject([{ end }])

    // A reset reads everything again. It parks the poison record and its copies once more, and no other record.
    const reset = await repairOf(product, '/api/ops/ledger/reset', { reason: 'A test.', force: true })
    expect(reset).toMatchObject({ processed: 5 + copies, more: false, why: null, ledger: { balanced: true } })
    await product.settled()
    expect(await log.offsets('orders-dlt')).toMatchObject([{ end: end + 1 + copies }])
    expect(await repairOf(product)).toMatchObject({ processed: 0, ledger: { balanced: true } })
    expect(await deadLetters(product)).toHaveLength(1 + copies)
  })

  test('is stored by its content when that is possible now, and the letter that a redrive repaired stays resolved', async () => {
    await using broker = await startTestBroker()
    await using hosts = createKafkaHosts({ ...SETTINGS, KAFKA_BROKERS: broker.address })
    const product = await hosts.add()
    const { log } = openKafkaLog([broker.address])
    await using _ = log
    await product.breaks({ throwForCustomers: [1] })
    await log.publish('orders', [messageOf()])
    await vi.waitFor(async () => expect(await deadLetters(product)).toHaveLength(1), { timeout: 20_000 })
    await product.breaks({})
    await product.operate('/api/dead-letters/orders:0:0/redrive', { method: 'POST' })
    const letters = () => pagesOf<DeadLetterSummary>(product, '/api/dead-letters')
    await vi.waitFor(async () => expect(await letters()).toMatchObject([{ state: 'resolved' }]), { timeout: 20_000 })
    const [letter] = await recordsOf(log, 'orders-dlt')
    await log.publish('orders', [copyOf(letter!)])
    await product.settled()
    expect(await product.ledger()).toMatchObject({
      balanced: true,
      totals: { records: 3, redriven: 1, stored: 1, duplicate: 1, parked: 1 },
      parked: { redriven: 1 },
    })
  })
})
