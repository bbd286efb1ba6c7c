import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MAX_BEFORE } from '../../../shared/application/dead-letters/take-out.ts'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import { orderIdOf } from '../../../shared/messaging/records/envelope.ts'
import { classify } from '../../../shared/messaging/failure.ts'
import { nextJourney, readJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import { openKafkaLog, skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { ops } from '../../support/product/ops-cli.ts'
import { pagesOf, withProduct } from '../../support/product/product.ts'
import { consumeToEnd } from '../../support/consume-to-end.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'It stops the trigger.' }
const CONFIG = { ORDERS_PARTITIONS: '1', LOG_LEVEL: 'silent', RETRY_DELAYS: '1s' }
const BYTES = Buffer.from([0x7b, 0xff, 0xfe, 0x00])

describe('taking out a record, with the embedded log', () => {
  let directory: string
  let all: Services
  beforeEach(async () => {
    directory = temporaryDirectory()
    all = await openServices(readConfig({ ...CONFIG, DATA_DIR: directory }, 'embedded'))
  })
  afterEach(() => all[Symbol.asyncDispose]())

  const publish = (topic: string, ...records: RecordToPublish[]) => all.log.publish(topic, records)
  const read = async (topic: string) => all.log.read(topic, 0, 0, 100)
  const at = (offset: number, topic = 'orders') => ({ topic, partition: 0, offset })
  const committed = async (group: string, topic: string) => (await all.log.committed(group, topic)).get(0)

  test('makes it a dead letter byte for byte, and skips no record before or after it', async () => {
    const stuck = { ...messageOf(), value: BYTES }
    await publish('orders', messageOf(), { ...messageOf(), value: '{}' }, stuck, messageOf())
    const original = (await read('orders'))[2]!
    expect(await all.takeOut(at(2), ACT)).toEqual({ letterId: 'orders:0:2', group: 'order-processor', processed: 2 })

    const letter = (await read('orders-dlt')).find((record) => readJourney(record)?.origin.offset === 2)
    expect([letter?.key, letter?.value]).toEqual([original.key, original.value])
    expect(letter?.headers.slice(0, original.headers.length)).toEqual(original.headers)
    expect(await committed('order-processor', 'orders')).toBe(3)
    const orderId = orderIdOf(original)!
    expect(await all.views.get(orderId)).toMatchObject({ status: 'dead-lettered', cause: { code: 'taken-out' } })
    const verdict = { balanced: true, totals: { stored: 1, parked: 2, toCome: 1, gaps: 0 }, parked: { dead: 2 } }
    expect(await all.ledgerVerdict()).toMatchObject(verdict)
    expect((await all.redriveTasks.audit({ limit: 9 })).items).toEqual([
      { action: 'take-out', target: 'orders:0:2', ...ACT },
    ])

    await consumeToEnd(all.log, 'orders', 'order-processor', all.storeOrders)
    await consumeToEnd(all.log, 'orders-dlt', 'order-processor-dlt', all.keepDeadLetters)
    expect((await all.deadLetters.get('orders:0:2'))?.value).toEqual(new Uint8Array(BYTES))
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 2, parked: 2, toCome: 0 } })
    await expect(all.takeOut(at(2), ACT)).rejects.toMatchObject({ code: 'conflict', message: /past 2 already/ })
  })

  test('a good order that was taken out is stored when it is redriven', async () => {
    const message = messageOf()
    await publish('orders', message)
    await all.takeOut(at(0), ACT)
    await consumeToEnd(all.log, 'orders-dlt', 'order-processor-dlt', all.keepDeadLetters)
    const letter = await all.deadLetters.get('orders:0:0')
    await publish('orders', { key: letter!.key, value: letter!.value, headers: letter!.headers })
    await consumeToEnd(all.log, 'orders', 'order-processor', all.storeOrders)
    expect(await all.views.get(String(message.key))).toMatchObject({ status: 'stored' })
  })

  test('counts a copy of a parked record at its own position, whatever its headers say', async () => {
    const parked = messageOf()
    const journey: RecordToPublish['headers'] = [
      ['oep-origin-topic', 'orders'],
      ['oep-origin-partition', '0'],
      ['oep-origin-offset', '0'],
      ['oep-redrive-of', 'orders:0:0'],
    ]
    await publish('orders', parked, { ...parked, headers: [...(parked.headers ?? []), ...journey] })
    expect(await all.takeOut(at(1), ACT)).toMatchObject({ letterId: 'orders:0:1', processed: 1 })
    const verdict = { balanced: true, totals: { stored: 1, parked: 1, toCome: 0, gaps: 0 } }
    expect(await all.ledgerVerdict()).toMatchObject(verdict)
    expect((await read('orders-dlt')).map((record) => readJourney(record)?.origin.offset)).toEqual([1])
    await consumeToEnd(all.log, 'orders-dlt', 'order-processor-dlt', all.keepDeadLetters)
    expect((await all.deadLetters.list({ limit: 9 })).items.map(({ id }) => id)).toEqual(['orders:0:1'])
  })

  test('works in a retry topic, even before records are due, and in the dead-letter topic', async () => {
    const { park } = await parkedOrder()
    const letterId = `orders:0:${park}`
    expect(await all.takeOut(at(0, 'orders-retry-1'), ACT)).toMatchObject({
      letterId,
      group: 'order-processor-retry-1',
    })
    expect(await committed('order-processor-retry-1', 'orders-retry-1')).toBe(1)
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, parked: { dead: 1, retrying: 0 } })

    expect(await all.takeOut(at(0, 'orders-dlt'), ACT)).toMatchObject({ letterId, group: 'order-processor-dlt' })
    expect(await committed('order-processor-dlt', 'orders-dlt')).toBe(1)
    expect(await all.deadLetters.get(letterId)).toMatchObject({ state: 'dead', lastCause: { code: 'taken-out' } })
  })

  test('keeps the content of an order of which only a stub could be put into a retry topic', async () => {
    const [position] = await publish('orders', messageOf())
    const original = (await read('orders'))[0]!
    const next = { attempt: 1, maxAttempts: 2, notBefore: 0, groupId: 'order-processor', nowMs: Date.now() }
    const journey = nextJourney(original, classify(new TypeError('a bug')), { ...next, timestampType: 'CreateTime' })
    await publish('orders-retry-1', toParked(original, journey, 'stub'))
    await all.takeOut(at(0, 'orders-retry-1'), ACT)
    await consumeToEnd(all.log, 'orders-dlt', 'order-processor-dlt', all.keepDeadLetters)
    const letter = await all.deadLetters.get(`orders:0:${position!.offset}`)
    expect(letter).toMatchObject({ value: new Uint8Array(original.value!), lastCause: { code: 'taken-out' } })
    expect(letter?.headers.map(([name]) => name)).toEqual(original.headers.map(([name]) => name))
  })

  /** An order that is in the first retry topic because the store was too busy. */
  async function parkedOrder() {
    const [position] = await publish('orders', messageOf())
    const record = (await read('orders'))[0]!
    const headers: RecordToPublish['headers'] = [
      ...record.headers,
      ['oep-origin-topic', 'orders'],
      ['oep-origin-partition', '0'],
      ['oep-origin-offset', String(position!.offset)],
      ['oep-attempt', '1'],
      ['oep-max-attempts', '2'],
      ['oep-consumer-group', 'order-processor'],
      ['oep-not-before', String(Date.now() + 3_600_000)],
    ]
    await publish('orders-retry-1', { key: record.key, value: record.value, headers })
    const cause = { code: 'store-busy', detail: 'The store was busy.' }
    await all.store.storeBatch({
      groupId: 'order-processor',
      delivered: 'origin',
      orders: [],
      parked: [
        {
          origin: at(position!.offset),
          orderId: orderIdOf(record)!,
          state: 'retrying',
          attempt: 1,
          maxAttempts: 2,
          nextAttemptAt: null,
          cause,
          acceptedAt: null,
          order: null,
          redriveOf: null,
        },
      ],
      now: ACT.at,
    })
    expect(await all.ledgerVerdict()).toMatchObject({ parked: { retrying: 1 } })
    return { park: position!.offset }
  }

  test('is refused while a consumer is active, in one line that says what to do', async () => {
    await publish('orders', messageOf())
    const subscription = await all.log.subscribe({
      groupId: 'order-processor',
      topic: 'orders',
      maxBatchSize: 1,
      onBatch: (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)),
      onError: () => undefined,
    })
    const refused = {
      code: 'conflict',
      message: expect.stringMatching(/^The group order-processor has consumers .*: stop/),
    }
    await expect(all.takeOut(at(0), ACT)).rejects.toMatchObject(refused)
    await expect(all.log.moveGroup('order-processor', 'orders', 0, 1)).rejects.toMatchObject({ code: 'conflict' })
    await subscription[Symbol.asyncDispose]()
    expect((await all.redriveTasks.audit({ limit: 9 })).items).toEqual([])
    expect(await read('orders-dlt')).toEqual([])
  })

  test('is refused for a position without a record, and far from the committed offset', async () => {
    await publish('orders', ...Array.from({ length: MAX_BEFORE + 2 }, () => messageOf()))
    const refusals = [
      [at(0, 'payments'), 'not-found'],
      [{ ...at(0), partition: 7 }, 'not-found'],
      [at(10_000), 'conflict'],
      [at(MAX_BEFORE + 1), 'conflict'],
    ] as const
    for (const [place, code] of refusals) await expect(all.takeOut(place, ACT)).rejects.toMatchObject({ code })
    await all.log.moveGroup('order-processor', 'orders', 0, MAX_BEFORE + 2)
    await expect(all.takeOut(at(MAX_BEFORE + 2), ACT)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('completes an interrupted run when repeated, and counts it once', async () => {
    await publish('orders', messageOf(), messageOf())
    const killed = vi.spyOn(all.log, 'moveGroup').mockRejectedValueOnce(new Error('killed'))
    // The record was parked and counted, but the group was not moved.
    await expect(all.takeOut(at(0), ACT)).rejects.toThrow('killed')
    expect(await all.ledgerVerdict()).toMatchObject({ totals: { parked: 1 } })
    killed.mockRestore()
    expect(await all.takeOut(at(0), ACT)).toMatchObject({ processed: 0 })
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { parked: 1, toCome: 1 } })
    await consumeToEnd(all.log, 'orders-dlt', 'order-processor-dlt', all.keepDeadLetters)
    expect((await all.deadLetters.list({ limit: 9 })).items).toHaveLength(1)
  })
})

describe.skipIf(skipsKafka)('taking out a record of a real Kafka', () => {
  test('works from a terminal once the processor is stopped', async () => {
    await using broker = await startTestBroker()
    const settings = {
      KAFKA_BROKERS: broker.address,
      ORDER_ID_SECRET: 'a secret for tests only',
      ORDERS_PARTITIONS: '1',
      RETRY_DELAYS: '1s',
      LOG_LEVEL: 'silent',
    }
    await withProduct(settings, async (product) => {
      const takeOut = (...words: string[]) =>
        ops(['take-out', 'orders:0:1', ...words], {
          ...settings,
          DATA_DIR: product.dataDir,
          FUNCTIONS_KEY: product.key,
        })
      const { log } = openKafkaLog([broker.address])
      await using _ = log
      const consumers = async () => log.members('order-processor', 'orders')
      await vi.waitFor(async () => expect(await consumers()).toHaveLength(1), { timeout: 30_000, interval: 200 })
      const refused = await takeOut('--reason', 'It stops the trigger.')
      expect([refused.exit, refused.err]).toEqual([
        4,
        expect.stringMatching(/^The group order-processor has consumers \(\S+\) .*: stop every process[^\n]*\n$/),
      ])
      expect(await product.stop()).toBe(0)
      await log.publish('orders', [messageOf(), { ...messageOf(), value: BYTES }, messageOf()])

      expect(await takeOut()).toMatchObject({ exit: 2, err: '--reason is missing.\n' })
      const done = await takeOut('--reason', 'It stops the trigger.')
      expect([done.err, done.exit]).toEqual(['', 0])
      expect(done.out).toContain('orders:0:1 is now the dead letter orders:0:1')
      expect(done.out).toContain('1 record that waited before it was processed.')
      expect(await log.committed('order-processor', 'orders')).toEqual(new Map([[0, 2]]))

      await product.start()
      await product.settled()
      const [letter] = await pagesOf<{ id: string; lastCause: { code: string } }>(product, '/api/dead-letters')
      expect(letter).toMatchObject({ id: 'orders:0:1', lastCause: { code: 'taken-out' } })
      expect((await product.ledger()).totals).toMatchObject({ records: 3, stored: 2, parked: 1 })
      const { items } = (await product.operate('/api/audit')).body as { items: unknown[] }
      expect(items).toMatchObject([{ action: 'take-out', target: 'orders:0:1' }])
    })
  })
})
