import { OrderError } from '../../domain/errors.ts'
import type { EventLog, LogConsumer } from '../../ports/event-log.ts'
import type { QueueLimits } from '../queue-bounds.ts'
import { createAdminClient } from './client/admin.ts'
import { createBrokerClock } from './client/broker-clock.ts'
import { createClient, type KafkaConnection } from './client/connection.ts'
import { kafkaUnavailable } from './client/errors.ts'
import { createFigures } from './topics/figures.ts'
import { commitForNobody, membersOf } from './consume/groups.ts'
import { createHealthMonitor } from './client/health.ts'
import { createSender } from './publish/producer.ts'
import { createKafkaQueue } from './publish/publish-queue.ts'
import { createReader } from './fetch/reader.ts'
import { createRetention } from './topics/retention.ts'
import { openSession } from './consume/session.ts'
import { createKafkaDelivery, type KafkaDelivery } from './consume/delivery.ts'
import { topicReaders } from './topics/topic-readers.ts'
import { createTopicIds } from './topics/topic-id.ts'
import { differingSettings, type TopicSettings } from './topics/topic-settings.ts'
import { timestampTypeIn } from './topics/topic-times.ts'
import { askForSettings, ensureTopics } from './topics/topics.ts'

/** The event log on Apache Kafka and what speaks its protocol, such as Azure Event Hubs, by kafkajs. */
export interface KafkaLog extends EventLog, LogConsumer {
  /** What waits for its acknowledgement. */
  readonly queued: { readonly records: number; readonly bytes: number }
}

export interface KafkaLogOptions extends QueueLimits {
  readonly kafka: KafkaConnection
  /** Told what an operator should know, such as a topic that is not as it was asked for. */
  readonly onWarning: (message: string) => void
  /** Told what went wrong where nobody waits for it, such as closing a connection. */
  readonly onError: (error: unknown) => void
  /** How long a publish waits for its acknowledgement before it rejects with `log-unavailable`. */
  readonly publishTimeoutMs?: number
  /** How long a consumer that was killed keeps its partitions. */
  readonly sessionTimeoutMs?: number
}

const PUBLISH_TIMEOUT_MS = 8000
const ASK_TIMEOUT_MS = 8000
const SESSION_TIMEOUT_MS = 15_000

/** Connects when it is first used. Throws `invalid-setting` when the connection's settings can't be used. */
export function createKafkaLog(options: KafkaLogOptions): KafkaLog {
  const { kafka, onWarning, onError } = options
  const client = createClient(kafka)
  const admin = createAdminClient({ client, timeoutMs: ASK_TIMEOUT_MS, onError })
  const clock = createBrokerClock({ onWarning })
  const sender = createSender({ client, onError, onStamped: (...times) => clock.stamped(...times) })
  const reader = createReader({
    client,
    timeoutMs: ASK_TIMEOUT_MS,
    assertExists: (topic) => admin.assertExists(topic),
    firstOffset: async (topic, partition) =>
      (await admin.offsets(topic)).find((of) => of.partition === partition)?.first ?? 0,
    onError,
  })
  const retention = createRetention(admin)
  const figures = createFigures(admin, reader)
  const topicIds = createTopicIds({ client, timeoutMs: ASK_TIMEOUT_MS, onError })
  const deliveries = new Map<string, KafkaDelivery>()
  /** Of topics, as they were when they were last asked for. */
  const settings = new Map<string, TopicSettings>()
  const monitor = createHealthMonitor({
    probe: () => admin.ask('Asking the brokers', (kafka) => kafka.describeCluster()),
    unreadable: () =>
      [...deliveries.values()].flatMap(({ failing, held }) => [
        ...(failing === undefined ? [] : [failing]),
        ...held.values(),
      ]),
  })
  const queue = createKafkaQueue({
    sender,
    maxQueuedRecords: options.maxQueuedRecords,
    maxQueuedBytes: options.maxQueuedBytes,
    deadlineMs: options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
    onSent() {
      monitor.succeeded()
      clock.accepted()
    },
    onFailed: (error) => monitor.failed(error),
    onClockRefused: () => clock.refused(),
  })
  let refusing = false
  let closed: Promise<void> | undefined

  function remember(found: ReadonlyMap<string, TopicSettings>): ReadonlyMap<string, TopicSettings> {
    for (const [topic, of] of found) settings.set(topic, of)
    return found
  }

  async function close(): Promise<void> {
    // A batch in flight may still have to publish, to a retry topic for one.
    await Promise.all([...deliveries.values()].map((delivery) => delivery[Symbol.asyncDispose]()))
    refusing = true
    await queue.drained()
    await Promise.all([sender, reader, admin, topicIds].map((connection) => connection[Symbol.asyncDispose]()))
  }

  return {
    async publish(topic, records) {
      if (refusing) throw kafkaUnavailable('Nothing can be published', new Error('the log is closed'))
      return queue.publish(topic, records)
    },
    read: (topic, partition, fromOffset, limit) => reader.read(topic, partition, fromOffset, limit),
    offsets: (topic) => figures.offsets(topic),
    committed: (groupId, topic) => figures.committed(groupId, topic),
    readers: (topic) => topicReaders(admin, topic),
    members: (groupId, topic) => membersOf(admin, groupId, topic),
    moveGroup: (...move) => commitForNobody(client, ...move),
    async ensureTopics(specs) {
      remember(await ensureTopics(admin, specs, onWarning))
    },
    async settingWarnings(specs) {
      const names = specs.map(({ name }) => name)
      return differingSettings(specs, remember(await askForSettings(admin, names)))
    },
    timestampTypeOf: (topic) => timestampTypeIn(settings.get(topic)),
    clock: () => clock.reading(),
    retention,
    identity: (topic) => topicIds.idOf(topic),
    // Brokers check their own files, and consumers the checksum of every batch.
    inspect: async () => [],
    health: () => monitor.health(),
    async subscribe(subscription) {
      const { groupId, topic } = subscription
      const key = JSON.stringify([groupId, topic])
      if (deliveries.has(key)) throw new OrderError('conflict', `The group ${groupId} already reads ${topic} here.`)
      const sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS
      const delivery = createKafkaDelivery({
        subscription,
        join: (inbox, listener) =>
          openSession({
            client: createClient(kafka),
            admin,
            groupId,
            topic,
            inbox,
            sessionTimeoutMs,
            ...listener,
            onError,
          }),
      })
      deliveries.set(key, delivery)
      return {
        async [Symbol.asyncDispose]() {
          await delivery[Symbol.asyncDispose]()
          deliveries.delete(key)
        },
      }
    },
    get queued() {
      return queue.queued
    },
    async [Symbol.asyncDispose]() {
      closed ??= close()
      await closed
    },
  }
}
