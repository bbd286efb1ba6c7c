import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTopics, topicSpecs } from '../../../shared/messaging/topics.ts'
import { readJourney } from '../../../shared/messaging/parking/parking.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { record } from '../../support/kafka/kafka-traffic.ts'
import { messageOf, newOrder, ORIGINAL_BODY, testOrderIds } from '../../support/orders/orders.ts'
import { pagesOf, withProduct } from '../../support/product/product.ts'

const MAX_INT64 = '9223372036854775807'
const NANOSECONDS = '1790000000000000000'
const MICROSECONDS = '1790000000000000'
/** The defaults in brokers older than 4.0. */
const TAKES_ANY_TIME = {
  'message.timestamp.type': 'CreateTime',
  'message.timestamp.before.max.ms': MAX_INT64,
  'message.timestamp.after.max.ms': MAX_INT64,
}
const HOURS_2 = 2 * 3_600_000

describe.skipIf(skipsKafka)('times on a real Kafka', () => {
  const broker = brokerForTests()

  function open(options: Parameters<typeof openKafkaLog>[1] = {}) {
    const opened = openKafkaLog([broker.address], options)
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened
  }

  /** Sends records as a producer with a different time unit would, each record in its own batch. */
  async function send(topic: string, timestamps: readonly string[], of: () => ReturnType<typeof messageOf>) {
    const producer = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    try {
      for (const timestamp of timestamps) {
        const { key, value, headers } = of()
        const named = Object.fromEntries(headers.filter(([name]) => name !== 'ce_time'))
        const message = { key: key as string, value: value as string, headers: named as Record<string, string> }
        await producer.send({ topic, messages: [{ ...message, timestamp }] })
      }
    } finally {
      await producer.disconnect()
    }
  }

  it.each(['lean', 'official'])('no record stops another, whatever its time (%s)', async (path) => {
    const { log } = open()
    const topics = createTopics(`any-time-${path}`, `any-time-${path}`, [1000])
    const specs = topicSpecs(topics, 1, 1)
    await log.ensureTopics(specs.map((spec) => ({ ...spec, config: TAKES_ANY_TIME })))
    const foreign: string[] = []
    const timestamps = [NANOSECONDS, MICROSECONDS, MAX_INT64, `-${MAX_INT64}`, '-1']
    await send(topics.orders, timestamps, () => {
      // An id that contains no time.
      const order = newOrder({ orderId: testOrderIds.derive(path, String(foreign.length)) })
      foreign.push(order.orderId)
      return messageOf(order)
    })
    await send(topics.orders, timestamps, () => ({ ...messageOf(), value: 'no order' }))
    await send(topics.deadLetters, timestamps, () => messageOf())
    const settings = {
      KAFKA_BROKERS: broker.address,
      ORDER_ID_SECRET: 'a secret for tests only',
      ORDERS_TOPIC: topics.orders,
      ORDERS_CONSUMER_GROUP: topics.group,
      ORDERS_PARTITIONS: '1',
      RETRY_DELAYS: '1s',
      FUNCTIONS_INVOCATION: path,
      LOG_LEVEL: 'silent',
    }
    await withProduct(settings, async (product) => {
      const placed = await product.ask('/api/orders', { method: 'POST', body: ORIGINAL_BODY })
      await product.settled()
      for (const id of [...foreign, String(placed.body['orderId'])]) {
        expect((await product.ask(`/api/orders/${id}`)).body).toMatchObject({
          status: 'stored',
          acceptedAt: expect.stringMatching(/^\d{4}-/),
        })
        expect((await product.ask(`/api/orders/${id}/history`)).status).toBe(200)
      }
      expect((await pagesOf(product, '/api/dead-letters')).length).toBe(2 * timestamps.length)
      expect((await product.ledger()).parked).toMatchObject({ dead: timestamps.length })
      const metrics = (await product.operate('/api/metrics')).text
      expect(metrics).toMatch(/orders_accepted_to_stored_seconds_count \d/)
      expect(Number(/orders_accepted_to_stored_seconds_sum (\S+)/.exec(metrics)?.[1])).toBeLessThan(3600)
      const { checks } = (await product.operate('/api/ops/doctor')).body as {
        checks: { name: string; detail: string }[]
      }
      expect(checks.find(({ name }) => name === 'topic-settings')?.detail).toContain('cannot convert')
    })
  })

  it('names topics that accept times on which the trigger fails, but not topics with bounds', async () => {
    const { log, warnings } = open()
    const bounded = { 'message.timestamp.before.max.ms': '86400000000', 'message.timestamp.after.max.ms': '3600000' }
    await log.ensureTopics([
      { name: 'open', partitions: 1, replication: 1, config: { 'message.timestamp.type': 'CreateTime' } },
      { name: 'bounded', partitions: 1, replication: 1, config: bounded },
      { name: 'stamped', partitions: 1, replication: 1, config: { 'message.timestamp.type': 'LogAppendTime' } },
    ])
    warnings.length = 0
    const config = { 'message.timestamp.type': 'LogAppendTime' }
    const asked = ['open', 'bounded', 'stamped'].map((name) => ({ name, partitions: 1, replication: 1, config }))
    expect(await log.settingWarnings(asked)).toEqual([
      expect.stringMatching(/^message.timestamp.type is CreateTime, not LogAppendTime, for open: .* ends the trigger/),
    ])
    expect(asked.map(({ name }) => log.timestampTypeOf(name))).toEqual(['CreateTime', 'CreateTime', 'LogAppendTime'])
  })

  it('topics that we create give each record the time of the log, which a dead letter shows', async () => {
    const { log } = open()
    const topics = createTopics('own-time', 'own-time', [])
    await log.ensureTopics(topicSpecs(topics, 1, 1))
    await send(topics.orders, [NANOSECONDS], () => ({ ...messageOf(), value: 'no order' }))
    const settings = { KAFKA_BROKERS: broker.address, ORDERS_TOPIC: 'own-time', ORDERS_CONSUMER_GROUP: 'own-time' }
    const more = { ORDER_ID_SECRET: 'a secret for tests only', ORDERS_PARTITIONS: '1', LOG_LEVEL: 'silent' }
    await withProduct({ ...settings, ...more }, async (product) => {
      await product.settled()
      const [original] = await log.read(topics.orders, 0, 0, 1)
      const [letter] = await log.read(topics.deadLetters, 0, 0, 1)
      expect(Math.abs(Date.now() - original!.timestamp)).toBeLessThan(HOURS_2)
      expect(readJourney(letter!)).toMatchObject({
        originTimestamp: original!.timestamp,
        originTimestampType: 'LogAppendTime',
      })
    })
  })

  it('a clock that is two hours ahead is refused at once, and named', async () => {
    const { log, warnings } = open({ publishTimeoutMs: 60_000 })
    const spec = { name: 'refuses', partitions: 1, replication: 1, config: { 'message.timestamp.type': 'CreateTime' } }
    await log.ensureTopics([spec])
    warnings.length = 0
    const now = Date.now.bind(Date)
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + HOURS_2)
    onTestFinished(() => clock.mockRestore())
    for (let times = 0; times < 2; times += 1) {
      await expect(log.publish('refuses', [record('x')])).rejects.toMatchObject({
        code: 'clock-wrong',
        retriable: true,
      })
    }
    expect(log.clock()).toMatchObject({ isRefused: true })
    expect(await log.health()).toMatchObject({ available: false, cause: expect.stringContaining('this machine') })
    expect(warnings).toEqual([expect.stringContaining("timestamps from this machine's clock")])
    clock.mockRestore()
    await log.publish('refuses', [record('x')])
    expect(log.clock()).toMatchObject({ isRefused: false })
  }, 30_000)

  it('a clock that is two hours ahead is measured where the log sets the times', async () => {
    const { log, warnings } = open()
    const config = { 'message.timestamp.type': 'LogAppendTime' }
    await log.ensureTopics([{ name: 'measures', partitions: 1, replication: 1, config }])
    warnings.length = 0
    await log.publish('measures', [record('x')])
    expect(log.clock()).toMatchObject({ aheadMs: 0, isOff: false })
    const now = Date.now.bind(Date)
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + HOURS_2)
    onTestFinished(() => clock.mockRestore())
    for (let times = 0; times < 2; times += 1) await log.publish('measures', [record('x')])
    expect(log.clock()).toMatchObject({ isOff: true })
    expect(log.clock().aheadMs).toBeGreaterThan(HOURS_2 - 60_000)
    expect(warnings).toEqual([expect.stringMatching(/^This machine's clock is \S+ s ahead of the Kafka broker's/)])
    clock.mockImplementation(() => now() - HOURS_2)
    await log.publish('measures', [record('x')])
    expect(log.clock().aheadMs).toBeLessThan(60_000 - HOURS_2)
  })
})
