import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { collect } from '../../contract/log/log-steps.ts'
import { openKafkaLog, skipsKafka, startTestBroker, type TestBroker } from '../../support/kafka/kafka-broker.ts'
import { consume, record, text, topicOf, valuesOf } from '../../support/kafka/kafka-traffic.ts'

const KIB = 1024

describe.skipIf(skipsKafka)('the log on a real Kafka', () => {
  let broker: TestBroker
  let kafka: Kafka
  beforeAll(async () => {
    broker = await startTestBroker()
    kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  function open() {
    const opened = openKafkaLog([broker.address])
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened
  }

  async function admin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  it('accepts a call that exceeds one Kafka batch', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    const records = Array.from({ length: 300 }, (_, n) => ({
      key: 'k',
      value: `${n}:`.padEnd(10 * KIB, 'x'),
      headers: [],
    }))
    const positions = await log.publish(topic, records)
    expect(positions.map(({ offset }) => offset)).toEqual(records.map((_, offset) => offset))
    expect(await valuesOf(log, topic)).toEqual(records.map(({ value }) => value))
  })

  it('closes every connection, even if several partitions were first read at the same time', async () => {
    const sockets: Socket[] = []
    const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket)
    subscribe('net.client.socket', note)
    onTestFinished(() => void unsubscribe('net.client.socket', note))
    const { log } = open()
    const topic = await topicOf(log, 3)
    await log.publish(
      topic,
      ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => ({ ...record(value), key: null })),
    )
    await Promise.all([0, 1, 2].map((partition) => log.read(topic, partition, 0, 1)))
    await log[Symbol.asyncDispose]()
    await vi.waitFor(() => expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(0))
    expect(sockets.length).toBeGreaterThan(2)
  })

  it('knows a partition at once that was added to a topic', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    await log.publish(topic, [record('before')])
    await log.read(topic, 0, 0, 1)
    await log.offsets(topic)
    await admin((kafka) => kafka.createPartitions({ topicPartitions: [{ topic, count: 2 }] }))
    expect(await log.read(topic, 1, 0, 1)).toEqual([])
    expect(await log.offsets(topic)).toHaveLength(2)
  })

  it('refuses a record that its topic does not accept, and no other of the call', async () => {
    const { log } = open()
    const name = `small-${randomUUID()}`
    await log.ensureTopics([{ name, partitions: 1, replication: 1, config: { 'max.message.bytes': '10000' } }])
    const outcomes = await Promise.allSettled([
      log.publish(name, [record('before')]),
      log.publish(name, [{ key: 'k', value: 'x'.repeat(20 * KIB), headers: [] }]),
      log.publish(name, [record('after')]),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'record-too-large', retriable: false } })
    expect(await valuesOf(log, name)).toEqual(['before', 'after'])
    expect(await log.health()).toEqual({ available: true })
  })

  it('delivers records that keep arriving in few batches, because fetches are spaced', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    await using consumer = await collect(log, { topic, maxBatchSize: 500 })
    await log.publish(topic, [record('first')])
    await vi.waitFor(() => expect(consumer.records).toHaveLength(1), { timeout: 30_000 })
    const beganMs = performance.now()
    for (let round = 0; round < 100; round++) {
      await log.publish(
        topic,
        Array.from({ length: 10 }, (_, n) => record(`${round}-${n}`)),
      )
    }
    await vi.waitFor(() => expect(consumer.records).toHaveLength(1001), { timeout: 30_000 })
    // Records that a fetch has found may be delivered in two batches.
    const atMost = (2 * (performance.now() - beganMs)) / 20 + 4
    expect(consumer.batches.length).toBeLessThan(Math.min(atMost, 100))
  })

  it('keeps headers that are named like members of Object.prototype', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    const names = ['constructor', '__proto__', 'toString', 'all']
    await log.publish(topic, [{ key: null, value: '', headers: names.map((name) => [name, name] as const) }])
    const [kept] = await log.read(topic, 0, 0, 1)
    expect(kept?.headers.map(([name, value]) => [name, text(value)])).toEqual(names.map((name) => [name, name]))
  })

  it('reports how a topic differs from the requested settings, and leaves it as it is', async () => {
    const { log, warnings } = open()
    const topic = await topicOf(log, 2)
    warnings.length = 0
    await log.ensureTopics([
      { name: topic, partitions: 6, replication: 3, config: { 'min.insync.replicas': '2', 'retention.ms': '-1' } },
    ])
    expect(warnings).toEqual([
      `The topic ${topic} has 2 partitions, not 6. It is left unchanged.`,
      `The topic ${topic} has 1 replica, not 3. It is left unchanged.`,
      `min.insync.replicas is 1 (inherited from the broker), not 2, for ${topic}. It is left unchanged.`,
      `retention.ms is 604800000 (inherited from the broker), not -1, for ${topic}: records leave the log after 7 days, whether they were processed or not. \`npm run ops -- migrate\` sets it to LOG_RETENTION.`,
      `If a disk fails, accepted orders can be lost: topics have a replication factor of 1, less than 3 (${topic}).`,
    ])
    expect(await log.offsets(topic)).toHaveLength(2)
  })

  it('says in one line why a topic cannot be created', async () => {
    const { log } = open()
    const spec = { name: `three-${randomUUID()}`, partitions: 1, replication: 3, config: {} }
    await expect(log.ensureTopics([spec])).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringMatching(
        /^Kafka refuses to create the topic three-.*KAFKA_REPLICATION asks for more copies than there are brokers\.$/,
      ),
    })
  })

  it('passes over offsets that are no longer in the log', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    const groupId = randomUUID()
    await log.publish(
      topic,
      Array.from({ length: 10 }, (_, n) => record(`${n}`)),
    )
    await admin((kafka) => kafka.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] }))
    await admin(async (kafka) => {
      await kafka.fetchTopicOffsets(topic) // Otherwise the client does not know the leader.
      await kafka.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] })
    })
    expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 6, end: 10 }])
    expect((await log.read(topic, 0, 0, 100)).map(({ offset }) => offset)).toEqual([6, 7, 8, 9])
    await using consumer = await consume(log, topic, groupId)
    await vi.waitFor(() => expect([...consumer.delivered]).toEqual(['6', '7', '8', '9']), { timeout: 20_000 })
  })

  it('continues from the beginning when the topic was recreated', async () => {
    const { log } = open()
    const topic = await topicOf(log, 1)
    await log.publish(
      topic,
      Array.from({ length: 10 }, (_, n) => record(`old-${n}`)),
    )
    await using consumer = await consume(log, topic, randomUUID())
    await vi.waitFor(() => expect(consumer.delivered.size).toBe(10), { timeout: 20_000 })
    await admin((kafka) => kafka.deleteTopics({ topics: [topic] }))
    await vi.waitFor(() => log.ensureTopics([{ name: topic, partitions: 1, replication: 1, config: {} }]), {
      timeout: 10_000,
      interval: 500,
    })
    await vi.waitFor(() => log.publish(topic, [record('new')]), { timeout: 20_000 })
    await vi.waitFor(() => expect(consumer.delivered).toContain('new'), { timeout: 50_000 })
  })

  it('reports a consumer that cannot join as unhealthy, accepts records all the same, and joins once it can', async () => {
    const { log } = open()
    const topic = `late-${randomUUID()}`
    const errors: unknown[] = []
    const delivered: string[] = []
    await using _ = await log.subscribe({
      topic,
      groupId: randomUUID(),
      maxBatchSize: 10,
      onBatch: async (records) => void delivered.push(...records.map(({ value }) => text(value))),
      onError: (error) => errors.push(error),
    })
    await vi.waitFor(
      async () =>
        expect(await log.health()).toEqual({ available: true, unreadable: [expect.stringContaining(topic) as string] }),
      { timeout: 20_000, interval: 100 },
    )
    expect(errors[0]).toMatchObject({ code: 'log-unavailable' })
    await log.ensureTopics([{ name: topic, partitions: 1, replication: 1, config: {} }])
    await log.publish(topic, [record('there')])
    await vi.waitFor(() => expect(delivered).toEqual(['there']), { timeout: 30_000 })
    expect(await log.health()).toEqual({ available: true })
  })
})
