import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { partitionOfKey } from '../../../shared/adapters/partitioner.ts'
import { isOrderError } from '../../../shared/domain/errors.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import {
  openKafkaLog,
  skipsKafka,
  startTestBroker,
  startTestCluster,
  type TestBroker,
} from '../../support/kafka/kafka-broker.ts'
import { startKafkaProxy, type KafkaProxy } from '../../support/kafka/kafka-proxy.ts'
import { record, text, topicOf, valuesOf } from '../../support/kafka/kafka-traffic.ts'

describe.skipIf(skipsKafka)('when an acknowledgement is lost', () => {
  let broker: TestBroker
  let proxy: KafkaProxy
  beforeAll(async () => {
    const started = await startKafkaProxy(() => broker.port)
    proxy = started
    broker = await startTestBroker({ properties: { 'advertised.listeners': `PLAINTEXT://${started.address}` } })
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
  })

  it('keeps every acknowledged record, also when the next batch is as long', async () => {
    const { log } = openKafkaLog([proxy.address])
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = await topicOf(log, 1)
    await log.publish(topic, [record('before')])

    proxy.eatNextAcknowledgement()
    const outcomes = await Promise.allSettled([
      log.publish(topic, [record('eaten')]),
      nextTurn(() => log.publish(topic, [record('after1')])),
    ])
    await log.publish(topic, [record('after2')])

    expect(proxy.eaten).toBeGreaterThan(0)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(new Set(await valuesOf(log, topic))).toEqual(new Set(['before', 'eaten', 'after1', 'after2']))
  })

  it("would lose a record with kafkajs's idempotent producer, which is why ours is not idempotent", async () => {
    const { log } = openKafkaLog([proxy.address])
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = await topicOf(log, 1)
    const client = new Kafka({ brokers: [proxy.address], logLevel: logLevel.NOTHING })
    const retry = { retries: 3, initialRetryTime: 1500 }
    const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, retry })
    onTestFinished(() => producer.disconnect())
    await producer.connect()
    const send = (value: string) => producer.send({ topic, acks: -1, messages: [{ value }] })

    await send('before')
    const eaten = proxy.eaten
    proxy.eatNextAcknowledgement()
    const first = send('eaten')
    await vi.waitFor(() => expect(proxy.eaten).toBeGreaterThan(eaten))
    await sleep(100)
    await send('acknowledged')
    await first
    expect(await valuesOf(log, topic)).not.toContain('acknowledged')
  })
})

const nextTurn = <T>(work: () => Promise<T>) => new Promise<T>((resolve) => setImmediate(() => resolve(work())))

describe.skipIf(skipsKafka)('when the broker is unavailable', () => {
  const broker = brokerForTests()

  it('reports it, answers in bounded time, and recovers on its own', async () => {
    const { log } = openKafkaLog([broker.address], { publishTimeoutMs: 2000 })
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = await topicOf(log, 2)
    await log.publish(topic, [record('before')])
    await broker.kill()

    const refused = await log.publish(topic, [record('away')]).catch((error: unknown) => error)
    expect(refused).toSatisfy((error) => isOrderError(error) && error.code === 'log-unavailable' && error.retriable)
    expect(await log.health()).toMatchObject({ available: false, cause: expect.stringContaining('Kafka: ') })

    await broker.start()
    await vi.waitFor(async () => expect(await log.health()).toEqual({ available: true }), { timeout: 20_000 })
    await log.publish(topic, [record('afterwards')])
    expect(await valuesOf(log, topic)).toEqual(expect.arrayContaining(['before', 'afterwards']))
  })

  it('refuses records that exceed its queue limit', async () => {
    const { log } = openKafkaLog([broker.address], { publishTimeoutMs: 2000, maxQueuedRecords: 3 })
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = await topicOf(log, 1)
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => log.publish(topic, [record(`${n}`)])))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(2)
    for (const { reason } of refused)
      expect(reason).toMatchObject({ code: 'queue-full', retriable: true, retryAfterSeconds: 1 })
  })
})

describe.skipIf(skipsKafka)('when a topic or a partition refuses records', () => {
  let brokers: TestBroker[]
  beforeAll(async () => {
    brokers = await startTestCluster(3)
  })
  afterAll(() => Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]())))

  it('accepts the records of the others, each once', async () => {
    const { log } = openKafkaLog(
      brokers.map(({ address }) => address),
      { publishTimeoutMs: 4000 },
    )
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = `test-${randomUUID()}`
    await createTopicOnTwoBrokers(topic, brokers)
    const keyOf = (partition: number) => {
      for (let n = 0; ; n++) if (partitionOfKey(`key-${n}`, 2) === partition) return `key-${n}`
    }
    const publish = (partition: number, value: string) =>
      log.publish(topic, [{ ...record(value), key: keyOf(partition) }])
    await publish(0, 'before')
    await publish(1, 'before')
    await brokers[2]?.kill()
    // The controller takes a while to notice. Afterwards, too few replicas of partition 1 are left.
    await vi.waitFor(() => expect(publish(1, 'refused')).rejects.toThrow('in-sync'), { timeout: 40_000 })

    const outcomes: string[] = []
    const note = async (name: string, publishing: Promise<unknown>) => {
      await publishing.then(
        () => outcomes.push(name),
        () => outcomes.push(`${name} refused`),
      )
    }
    const refused = [note('partition 1', publish(1, 'refused')), note('no topic', log.publish('none', [record('x')]))]
    const accepted = Array.from({ length: 20 }, (_, n) => `after-${n}`)
    for (const value of accepted) await note('partition 0', publish(0, value))
    expect(outcomes).toEqual(accepted.map(() => 'partition 0'))
    expect(await log.health()).toEqual({ available: true })
    await Promise.all(refused)
    expect(outcomes.slice(accepted.length).toSorted()).toEqual(['no topic refused', 'partition 1 refused'])
    expect((await log.read(topic, 0, 0, 100)).map(({ value }) => text(value))).toEqual(['before', ...accepted])
  })
})

/** Both partitions need two replicas. Partition 0 has them on the first two brokers, partition 1 on the last two. */
async function createTopicOnTwoBrokers(topic: string, brokers: readonly TestBroker[]): Promise<void> {
  const kafka = new Kafka({ brokers: brokers.map(({ address }) => address), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const replicaAssignment = [
    { partition: 0, replicas: [1, 2] },
    { partition: 1, replicas: [2, 3] },
  ]
  const configEntries = [{ name: 'min.insync.replicas', value: '2' }]
  await admin.createTopics({ topics: [{ topic, replicaAssignment, configEntries }], waitForLeaders: true })
  await admin.disconnect()
}
