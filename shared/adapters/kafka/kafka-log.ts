import { OrderError } from '../../domain/errors.ts'
import type { EventLog, LogConsumer } from '../../ports/event-log.ts'
import type { QueueLimits } from '../queue-bounds.ts'
import { createAdminClient } from './client/admin.ts'
import { createBrokerClock } from './client/broker-clock.ts'
import { createLazyCluster } from './client/cluster.ts'
import { createClient, type KafkaConnection } from './client/connection.ts'
import { kafkaUnavailable } from './client/errors.ts'
import { alterRetention } from './topics/alter-retention.ts'
import { createFigures } from './topics/figures.ts'
import { moveEmptyGroup, membersOf, topicReaders } from './consume/groups.ts'
import { createHealthMonitor } from './client/health.ts'
import { createQueueBounds } from '../queue-bounds.ts'
import { createSender } from './publish/producer.ts'
import { createKafkaQueue } from './publish/publish-queue.ts'
import { createReader } from './fetch/reader.ts'
import { createRetention } from './topics/retention.ts'
import { createKafkaDelivery, type KafkaDelivery } from './consume/delivery.ts'
import { topicId } from './topics/topic-id.ts'
import { describeSettings, differingSettings, timestampTypeIn, type TopicSettings } from './topics/topic-settings.ts'
import { ensureTopics } from './topics/topics.ts'

/** The event log on Apache Kafka or a compatible service such as Azure Event Hubs. Uses kafkajs. */
export type KafkaLog = EventLog & LogConsumer

export interface KafkaLogOptions extends QueueLimits {
  readonly kafka: KafkaConnection
  /** How long a topic is assumed to keep records if Kafka does not show its settings. Forever by default. */
  readonly retentionMs?: number | null
  /** Called with a line for operators, for example when a topic's settings differ from ours. */
  readonly onWarning: (message: string) => void
  /** Called with an error that is not passed on to any caller, for example when closing a connection fails. */
  readonly onError: (error: unknown) => void
  /** A publish that is not acknowledged within this time rejects with `log-unavailable`. */
  readonly publishTimeoutMs?: number
  /** A killed consumer keeps its partitions for this long. */
  readonly sessionTimeoutMs?: number
}

const PUBLISH_TIMEOUT_MS = 8000
const ASK_TIMEOUT_MS = 8000
const SESSION_TIMEOUT_MS = 15_000

/** Connects on first use. Throws `invalid-setting` if the connection settings can't be used. */
export function createKafkaLog(options: KafkaLogOptions): KafkaLog {
  const { kafka, onWarning, onError } = options
  const client = createClient(kafka)
  const admin = createAdminClient({ client, timeoutMs: ASK_TIMEOUT_MS, onError })
  const clock = createBrokerClock({ onWarning })
  const cluster = createLazyCluster(client, onError)
  const reader = createReader({ cluster, admin, timeoutMs: ASK_TIMEOUT_MS })
  const deliveries = new Map<string, KafkaDelivery>()
  /** The last known settings of each topic. */
  const settings = new Map<string, TopicSettings>()
  const monitor = createHealthMonitor({
    probe: () => admin.ask('Asking the brokers', (kafka) => kafka.describeCluster()),
    unreadable: () =>
      [...deliveries.values()].flatMap(({ failing, held }) => [
        ...(failing === undefined ? [] : [failing]),
        ...held.values(),
      ]),
  })
  const bounds = createQueueBounds('Kafka', options)
  const publishers = new Map<string, ReturnType<typeof createPublisher>>()

  function createPublisher(topic: string) {
    const sender = createSender({ client, topic, onError, onStamped: (...times) => clock.stamped(...times) })
    const queue = createKafkaQueue({
      topic,
      sender,
      bounds,
      deadlineMs: options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
      onSent() {
        monitor.succeeded()
        clock.accepted()
      },
      onFailed: (error) => monitor.failed(error),
      onClockRefused: () => clock.refused(),
    })
    return { sender, queue }
  }

  function publisherOf(topic: string) {
    const publisher = publishers.get(topic) ?? createPublisher(topic)
    publishers.set(topic, publisher)
    return publisher
  }

  let refusing = false
  let closed: Promise<void> | undefined

  function remember(found: ReadonlyMap<string, TopicSettings>): ReadonlyMap<string, TopicSettings> {
    for (const [topic, topicSettings] of found) settings.set(topic, topicSettings)
    return found
  }

  async function close(): Promise<void> {
    // The queue stays open until the deliveries have ended, because a batch in flight may publish to a retry topic.
    await Promise.all([...deliveries.values()].map((delivery) => delivery[Symbol.asyncDispose]()))
    refusing = true
    await bounds.drained()
    const senders = [...publishers.values()].map(({ sender }) => sender)
    await Promise.all([...senders, cluster, admin].map((connection) => connection[Symbol.asyncDispose]()))
  }

  return {
    async publish(topic, records) {
      if (refusing) throw kafkaUnavailable('Nothing can be published', new Error('the log is closed'))
      return publisherOf(topic).queue.publish(records)
    },
    read: (topic, partition, fromOffset, limit) => reader.read(topic, partition, fromOffset, limit),
    ...createFigures(admin, reader),
    readers: (topic) => topicReaders(admin, topic),
    members: (groupId, topic) => membersOf(admin, groupId, topic),
    moveGroup: (...move) => moveEmptyGroup(cluster, ...move),
    async ensureTopics(specs) {
      remember(await ensureTopics(admin, specs, onWarning))
    },
    async settingWarnings(specs) {
      const names = specs.map(({ name }) => name)
      return differingSettings(specs, remember(await describeSettings(admin, names)))
    },
    alterRetention: (specs) => alterRetention(admin, cluster, ASK_TIMEOUT_MS, specs),
    timestampTypeOf: (topic) => timestampTypeIn(settings.get(topic)),
    clock: () => clock.reading(),
    retention: createRetention(admin, options.retentionMs ?? null),
    identity: (topic) => topicId(cluster, ASK_TIMEOUT_MS, topic),
    // Nothing to inspect: brokers check their own files, and consumers verify the checksum of every batch.
    inspect: async () => [],
    health: () => monitor.health(),
    async subscribe(subscription) {
      const { groupId, topic } = subscription
      const key = JSON.stringify([groupId, topic])
      if (deliveries.has(key))
        throw new OrderError('conflict', `This process already reads ${topic} in the group ${groupId}.`)
      const sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS
      const delivery = createKafkaDelivery(subscription, { kafka, admin, sessionTimeoutMs, onError })
      deliveries.set(key, delivery)
      return {
        async [Symbol.asyncDispose]() {
          await delivery[Symbol.asyncDispose]()
          deliveries.delete(key)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      closed ??= close()
      await closed
    },
  }
}
