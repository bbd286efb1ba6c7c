import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka, startTestCluster, type TestBroker } from '../../support/kafka/kafka-broker.ts'
import { consume, publishAll, record, text, topicOf } from '../../support/kafka/kafka-traffic.ts'

/** The tests mostly wait, so they run concurrently; each cleans up through its own context. */
type Tidy = TestContext['onTestFinished']

describe.skipIf(skipsKafka).concurrent('a consumer group on a real broker', () => {
  const broker = brokerForTests()

  function openLog(onTestFinished: Tidy) {
    const opened = openKafkaLog([broker.address], { sessionTimeoutMs: 6000 })
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened
  }

  it('keeps its membership through a batch that takes longer than the session timeout', async ({ onTestFinished }) => {
    const { log } = openLog(onTestFinished)
    const topic = await topicOf(log, 2)
    const groupId = randomUUID()
    let deliveries = 0
    await using _ = await log.subscribe({
      topic,
      groupId,
      maxBatchSize: 10,
      async onBatch() {
        deliveries += 1
        await sleep(15_000)
      },
      onError: () => undefined,
    })
    await log.publish(topic, [record('slow')])
    await vi.waitFor(async () => expect([...(await log.committed(groupId, topic)).values()]).toContain(1), {
      timeout: 30_000,
      interval: 500,
    })
    expect(deliveries).toBe(1)
  })

  it('never commits partitions that were revoked in the middle of a batch', async ({ onTestFinished }) => {
    const { log } = openLog(onTestFinished)
    const { log: other } = openLog(onTestFinished)
    const topic = await topicOf(log, 2)
    const groupId = randomUUID()
    const begun = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    let calls = 0
    await using _ = await log.subscribe({
      topic,
      groupId,
      maxBatchSize: 100,
      async onBatch() {
        if (++calls > 1) return
        begun.resolve()
        await release.promise
      },
      onError: () => undefined,
    })
    const values = Array.from({ length: 20 }, (_, n) => `${n}`)
    await log.publish(topic, values.map(record))
    await begun.promise
    const seen = new Set<string>()
    await using __ = await other.subscribe({
      topic,
      groupId,
      maxBatchSize: 100,
      async onBatch(records) {
        for (const { value } of records) seen.add(text(value))
      },
      onError: () => undefined,
    })
    // The newcomer now has some of the partitions, and gets records that the first member is still processing.
    await vi.waitFor(() => expect(seen.size).toBeGreaterThan(0), { timeout: 20_000 })
    release.resolve()
    const ends = (await log.offsets(topic)).map(({ end }) => end)
    await vi.waitFor(async () => expect([...(await log.committed(groupId, topic)).values()]).toEqual(ends), {
      timeout: 20_000,
      interval: 100,
    })
    expect(calls).toBeGreaterThan(1)
  })
})

describe.skipIf(skipsKafka).concurrent('a cluster of three brokers', () => {
  let brokers: TestBroker[] = []
  beforeAll(async () => {
    brokers = await startTestCluster(3)
  })
  afterAll(() => Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]())))

  it('loses nothing that was acknowledged when each broker is killed in turn', async ({ onTestFinished }) => {
    const { log, warnings } = openKafkaLog(brokers.map(({ address }) => address))
    onTestFinished(() => log[Symbol.asyncDispose]())
    const topic = await topicOf(log, 6, 3)
    expect(warnings).toEqual([])
    await using consumer = await consume(log, topic, randomUUID())
    const publishing = publishAll(log, topic)
    await vi.waitFor(() => expect(consumer.delivered.size).toBeGreaterThan(50), { timeout: 20_000 })
    for (const broker of brokers) {
      await broker.kill()
      const before = publishing.acknowledged.length
      await vi.waitFor(() => expect(publishing.acknowledged.length).toBeGreaterThan(before + 100), { timeout: 30_000 })
      await broker.start()
    }
    await publishing.stop()
    const missing = () => publishing.acknowledged.filter((value) => !consumer.delivered.has(value))
    await vi.waitFor(() => expect(missing()).toEqual([]), { timeout: 60_000 })
  })
})
