import { randomUUID } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { consume, record, text, topicOf } from '../../support/kafka/kafka-traffic.ts'
import { findPython } from '../../support/kafka/neighbours.ts'
import { produceRaw } from '../../support/kafka/raw-produce.ts'
import { encodeBatch } from '../../support/kafka/record-batches.ts'

const python = await findPython()
const WAIT = { timeout: 30_000 }
const VALUES = Array.from({ length: 200 }, (_, index) => `${index}-${'v'.repeat(500)}`)

describe.skipIf(skipsKafka)('compressed batches', () => {
  const broker = brokerForTests()

  it.skipIf(python.isMissing).each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'from librdkafka, by %s, are consumed, and can be read from any record on',
    async (codec) => {
      const { log } = openKafkaLog([broker.address])
      await using _ = log
      const topic = await topicOf(log, 1)
      await using producer = python.start('produce.py', broker.address, topic, `{"compression.type": "${codec}"}`)
      for (const value of VALUES) {
        producer.tell(JSON.stringify({ value: Buffer.from(value).toString('base64'), partition: 0 }))
      }
      producer.end()
      await producer.ended
      await using consumer = await consume(log, topic, randomUUID())
      await vi.waitFor(() => expect([...consumer.delivered]).toEqual(VALUES), WAIT)
      for (const offset of [0, 1, 99, 199]) {
        const found = await log.read(topic, 0, offset, 1)
        expect(found.map(({ offset, value }) => [offset, text(value)])).toEqual([[offset, VALUES[offset]]])
      }
    },
  )

  // The broker recompresses them as Java clients do; for snappy, that means snappy-java's frames.
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])(
    'of our own, in a topic whose compression.type is %s, are consumed too',
    async (codec) => {
      const { log } = openKafkaLog([broker.address])
      await using _ = log
      const topic = `test-${randomUUID()}`
      await log.ensureTopics([{ name: topic, partitions: 1, replication: 1, config: { 'compression.type': codec } }])
      await log.publish(topic, VALUES.map(record))
      await using consumer = await consume(log, topic, randomUUID())
      await vi.waitFor(() => expect([...consumer.delivered]).toEqual(VALUES), WAIT)
      const [middle] = await log.read(topic, 0, 99, 1)
      expect(text(middle?.value ?? null)).toBe(VALUES[99])
    },
  )

  it('that cannot be read hold only their partition, with one line', async () => {
    const { log } = openKafkaLog([broker.address])
    await using _ = log
    const topic = await topicOf(log, 2)
    const [large, small] = [Buffer.alloc(65 * 1024 * 1024), Buffer.from('before')]
    const before = encodeBatch({ baseOffset: 0, records: [{ key: null, value: small }] })
    const bomb = encodeBatch({ baseOffset: 0, records: [{ key: null, value: large }], codec: 'gzip' })
    expect(await produceRaw(broker.port, topic, 0, before)).toBe(0)
    expect(await produceRaw(broker.port, topic, 0, bomb)).toBe(0)
    await using consumer = await consume(log, topic, randomUUID())
    const line = expect.stringMatching(new RegExp(`^The batch at offset 1 of ${topic}, partition 0, .*gzip`)) as string
    await vi.waitFor(async () => expect(await log.health()).toEqual({ available: true, unreadable: [line] }), WAIT)
    for (let n = 0; n < 20; n++) await log.publish(topic, [record(`after ${n}`)])
    const others = await log.read(topic, 1, 0, 100)
    expect(others.length).toBeGreaterThan(0)
    await vi.waitFor(() => {
      expect([...consumer.delivered].sort()).toEqual(['before', ...others.map(({ value }) => text(value))].sort())
    }, WAIT)
    expect(consumer.errors).toEqual([expect.objectContaining({ code: 'log-unreadable', message: line })])
    await expect(log.read(topic, 0, 1, 1)).rejects.toMatchObject({ code: 'log-unreadable', message: line })
    expect((await log.read(topic, 0, 2, 1)).map(({ offset }) => offset)).toEqual([2])
  })
})
