import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDeliveryWatch, LOOK_MS } from '../../../shared/application/processing/delivery-watch.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { record, topicOf } from '../../support/kafka/kafka-traffic.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

describe.skipIf(skipsKafka)('a consumer that is in its group and delivers nothing', () => {
  const broker = brokerForTests()

  function open() {
    const { log } = openKafkaLog([broker.address])
    onTestFinished(() => log[Symbol.asyncDispose]())
    return log
  }

  /** Joins and then only sends heartbeats, as the Kafka extension does after it has failed to convert a record. */
  async function zombie(groupId: string, topic: string) {
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId, heartbeatInterval: 500 })
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async (payload) => void payload.pause(),
    })
    await joined
    let left = false
    const leave = async () => {
      if (!left) await consumer.disconnect()
      left = true
    }
    onTestFinished(leave)
    return { leave }
  }

  /** Watches for this many minutes of simulated time. Resolves with the stall that was noticed, if any. */
  async function watchFor(minutes: number, log: KafkaLog, source: { topic: string; group: string }) {
    const clock = createVirtualClock()
    const stopping = new AbortController()
    const end = clock.now() + minutes * 60_000
    const errors: unknown[] = []
    const watch = createDeliveryWatch({
      log,
      store: { health: async () => ({ available: true }) },
      sources: [{ ...source, delayMs: 0 }],
      clock: {
        ...clock,
        now: () => clock.now(),
        async sleep() {
          clock.advance(LOOK_MS)
          if (clock.now() > end) stopping.abort()
        },
      },
      events: createPipelineEmitter(),
      signal: stopping.signal,
      onError: (error) => errors.push(error),
    })
    await watch.run()
    expect(errors).toEqual([])
    return watch.stall
  }

  it('is noticed by the waiting records, and so is a group without members', async () => {
    const log = open()
    const [topic, group] = [await topicOf(log, 1), `group-${randomUUID()}`]
    expect(await watchFor(30, log, { topic, group })).toBeUndefined()
    await log.publish(topic, [record('a'), record('b')])
    await log.moveGroup(group, topic, 0, 1)
    expect(await log.members(group, topic)).toEqual([])
    expect(await watchFor(11, log, { topic, group })).toMatchObject({ topic, partition: 0, offset: 1 })

    await zombie(group, topic)
    await vi.waitFor(async () =>
      expect(await log.members(group, topic)).toEqual([
        { address: expect.stringMatching(/^(?:127\.0\.0\.1|\[::1\])$/), isHere: true, partitions: [0] },
      ]),
    )
    expect(await watchFor(11, log, { topic, group })).toMatchObject({ topic, partition: 0, offset: 1 })
    expect(await watchFor(9, log, { topic, group })).toBeUndefined()
  })

  it('prevents its group from being moved past a record until it has left', async () => {
    const log = open()
    const [topic, group] = [await topicOf(log, 2), `group-${randomUUID()}`]
    await log.publish(topic, [record('a'), record('b'), record('c')])
    const { leave } = await zombie(group, topic)
    await expect(log.moveGroup(group, topic, 1, 1)).rejects.toMatchObject({ code: 'conflict' })
    expect(await log.committed(group, topic)).toEqual(new Map())
    await leave()
    await log.moveGroup(group, topic, 1, 1)
    expect(await log.committed(group, topic)).toEqual(new Map([[1, 1]]))
  })

  it('is not blamed for a transaction’s marker, which is never delivered', async () => {
    const log = open()
    const [topic, group] = [await topicOf(log, 1), `group-${randomUUID()}`]
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: group, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value: 'a' }] })
    await transaction.commit()
    await log.moveGroup(group, topic, 0, 1)
    expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 0, end: 2 }])
    expect(await watchFor(30, log, { topic, group })).toBeUndefined()
  })
})
