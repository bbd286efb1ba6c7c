import { KafkaJSAggregateError, KafkaJSProtocolError, type Admin, type Kafka } from 'kafkajs'
import { expect, it } from 'vitest'
import { createAdminClient } from '../../../../shared/adapters/kafka/client/admin.ts'
import { ensureTopics } from '../../../../shared/adapters/kafka/topics/topics.ts'

const TOPIC = 'orders'
const partition = { partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [1, 2, 3], isr: [1, 2, 3] }

it('uses a topic that it has just created, even if some brokers do not know it yet', async () => {
  const answered: string[] = []
  /** Refuses each kind of request once, like a broker that does not know about a new topic yet. */
  function unheard(question: string): void {
    answered.push(question)
    if (answered.filter((one) => one === question).length > 1) return
    const error = { type: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3, message: 'This server does not host this topic' }
    throw new KafkaJSProtocolError(Object.assign(new Error(error.message), error))
  }
  const admin: Partial<Admin> = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    listTopics: async () => [],
    createTopics: async () => true,
    fetchTopicMetadata: async () => {
      unheard('metadata')
      return { topics: [{ name: TOPIC, partitions: [partition] }] }
    },
    fetchTopicOffsets: async () => {
      unheard('offsets')
      return [{ partition: 0, offset: '0', low: '0', high: '0' }]
    },
    describeConfigs: async () => {
      unheard('settings')
      return { resources: [], throttleTime: 0 }
    },
  }
  const client = { admin: () => admin } as unknown as Kafka
  const fail = (error: unknown) => expect.fail(`told as an error: ${String(error)}`)
  await using asked = createAdminClient({ client, timeoutMs: 5000, onError: fail })
  const warnings: string[] = []
  await ensureTopics(asked, [{ name: TOPIC, partitions: 1, replication: 3, config: {} }], (line) => warnings.push(line))
  expect(warnings).toEqual([])
  expect(await asked.offsets(TOPIC)).toEqual([{ partition: 0, first: 0, end: 0 }])
  expect(answered).toEqual(['metadata', 'metadata', 'offsets', 'offsets', 'settings', 'settings', 'offsets'])
})

it('creates all missing topics with one request, and names the topic that Kafka refuses', async () => {
  const requests: string[][] = []
  const refusal = (topic: string, type: string) =>
    Object.assign(new KafkaJSProtocolError(Object.assign(new Error(type), { type, code: 0 })), { topic })
  const admin: Partial<Admin> = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    listTopics: async () => ['there'],
    createTopics: async ({ topics }) => {
      requests.push(topics.map(({ topic }) => topic))
      // Another process has created the first topic in the meantime.
      throw new KafkaJSAggregateError('Topic creation errors', [
        refusal('a', 'TOPIC_ALREADY_EXISTS'),
        refusal('b', 'INVALID_REPLICATION_FACTOR'),
      ])
    },
  }
  const client = { admin: () => admin } as unknown as Kafka
  await using asked = createAdminClient({ client, timeoutMs: 1000, onError: () => undefined })
  const specs = ['there', 'a', 'b'].map((name) => ({ name, partitions: 1, replication: 3, config: {} }))
  await expect(ensureTopics(asked, specs, () => undefined)).rejects.toMatchObject({
    code: 'invalid-setting',
    message: expect.stringMatching(/^Kafka refuses to create the topic b: .*KAFKA_REPLICATION/) as string,
  })
  expect(requests[0]).toEqual(['a', 'b'])
})
