import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTopics, topicSpecs } from '../../../shared/messaging/topics.ts'
import { readJourney } from '../../../shared/messaging/parking/parking.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { EventLog, LogRecord } from '../../../shared/ports/event-log.ts'
import { hostileRecord, int64, utf8 } from '../../support/kafka/hostile-records.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { findJava } from '../../support/kafka/neighbours.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { pagesOf, withProduct } from '../../support/product/product.ts'
import { seedOfThisRun } from '../../support/random.ts'
import { produceRaw } from '../../support/kafka/raw-produce.ts'
import { CODECS, encodeBatch, type RecordToEncode } from '../../support/kafka/record-batches.ts'

const java = await findJava()
const seed = seedOfThisRun()
const BATCHES = 24
/** The defaults of brokers older than 4.0. */
const TAKES_ANY_TIME = {
  'message.timestamp.type': 'CreateTime',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.after.max.ms': '9223372036854775807',
}
/** The error code with which Kafka refuses a batch. */
const INVALID_RECORD = 87

const LARGE: RecordToEncode = { key: Buffer.alloc(0), value: Buffer.alloc(900_000, 0xff) }
const CROWDED: RecordToEncode = {
  key: null,
  value: null,
  headers: Array.from({ length: 10_001 }, () => [utf8(''), null] as const),
}

function orderRecord(orderIds: string[]): RecordToEncode {
  const { key, value, headers } = messageOf()
  orderIds.push(String(key))
  const pairs = headers.map(([name, text]) => [utf8(name), text === null ? null : Buffer.from(text)] as const)
  return { key: Buffer.from(key ?? ''), value: Buffer.from(value ?? ''), headers: pairs }
}

async function recordsOf(log: EventLog, topic: string): Promise<LogRecord[]> {
  const [{ end } = { end: 0 }] = await log.offsets(topic)
  const records: LogRecord[] = []
  for (let next = 0; next < end; next = (records.at(-1)?.offset ?? end) + 1) {
    const some = await log.read(topic, 0, next, 1000)
    if (some.length === 0) break
    records.push(...some)
  }
  return records
}

const bytesOf = ({ key, value }: LogRecord) =>
  [key, value].map((bytes) => (bytes === null ? null : Buffer.from(bytes).toString('base64')))

describe.skipIf(skipsKafka || java.isMissing)('hostile records of others between good orders', () => {
  const broker = brokerForTests()

  it.each(['lean', 'official'])('are dead letters, byte for byte, and every order is stored (%s)', async (path) => {
    const { log } = openKafkaLog([broker.address])
    await using _ = log
    const topics = createTopics(`hostile-${path}`, `hostile-${path}`, [1000])
    const specs = topicSpecs(topics, 1, 1)
    await log.ensureTopics(specs.map((spec) => ({ ...spec, config: { ...spec.config, ...TAKES_ANY_TIME } })))

    const orderIds: string[] = []
    let junk = 0
    async function write(records: readonly RecordToEncode[], of: object): Promise<void> {
      const between = records.flatMap((record) => [orderRecord(orderIds), record])
      const batch = encodeBatch({ baseOffset: 0, records: [...between, orderRecord(orderIds)], ...of })
      expect(await produceRaw(broker.port, topics.orders, 0, batch), `SEED=${seed}`).toBe(0)
      junk += records.length
    }
    const batches = fc.record({
      records: fc.array(hostileRecord, { minLength: 1, maxLength: 8 }),
      codec: fc.constantFrom(...CODECS),
      baseTimestamp: fc.oneof(int64, fc.constantFrom(-1n, 0n, 2n ** 63n - 1n, -(2n ** 63n))),
    })
    for (const [n, { records, ...of }] of fc.sample(batches, { seed, numRuns: BATCHES }).entries()) {
      await write(records, { ...of, codec: n < CODECS.length ? CODECS[n] : of.codec })
    }
    await write([LARGE], { codec: 'none' })
    await write([CROWDED], { codec: 'gzip' })
    // Producers cannot write these: control records come from transactions, and empty batches from compaction.
    expect(await produceRaw(broker.port, topics.orders, 0, encodeBatch({ baseOffset: 0, records: [] }))).toBe(
      INVALID_RECORD,
    )
    const control = encodeBatch({ baseOffset: 0, control: 'abort', records: [] })
    expect(await produceRaw(broker.port, topics.orders, 0, control)).toBe(INVALID_RECORD)
    const transactions = java.start('Transact.java', broker.address, topics.orders)
    const zeros = 'AAAAAA=='
    for (const step of ['begin P', `send P no ${zeros}`, 'abort P', 'begin P', `send P dead ${zeros}`, 'commit P']) {
      transactions.tell(step)
      await transactions.says(/^done$/)
    }
    await transactions[Symbol.asyncDispose]()
    junk += 1
    await write([{ key: null, value: null }], {})

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
    // Before it returns, withProduct requires the ledger to balance and to have no gaps.
    await withProduct(settings, async (product) => {
      await product.settled()
      for (const orderId of orderIds) {
        expect((await product.ask(`/api/orders/${orderId}`)).body, `SEED=${seed}`).toMatchObject({ status: 'stored' })
      }
      expect(await product.ledger()).toMatchObject({ totals: { stored: orderIds.length, parked: junk, duplicate: 0 } })
      const isOrder = new Set(orderIds)
      const bad = (await recordsOf(log, topics.orders)).filter(
        ({ key }) => !isOrder.has(String(key && Buffer.from(key))),
      )
      expect(bad).toHaveLength(junk)
      const letters = await recordsOf(log, topics.deadLetters)
      const expected = bad.map((record) => [record.offset, ...bytesOf(record)])
      expect(letters.map((letter) => [readJourney(letter)?.origin.offset, ...bytesOf(letter)])).toEqual(expected)
      const kept = await pagesOf<DeadLetterSummary>(product, '/api/dead-letters')
      expect(kept.map(({ origin, state }) => [origin.offset, state]).toSorted(byOffset)).toEqual(
        bad.map(({ offset }) => [offset, 'dead']),
      )
    })
  })
})

const byOffset = ([one]: (number | string)[], [other]: (number | string)[]) => Number(one) - Number(other)
