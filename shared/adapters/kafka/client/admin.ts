import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from '../../../ports/event-log.ts'
import { askPatiently } from './ask.ts'
import { kafkaUnavailable } from './errors.ts'
import { createLazy } from './lazy.ts'

/** Requests to the cluster. Each request settles in bounded time, and rejects with `log-unavailable` if it fails. */
export interface AdminClient extends AsyncDisposable {
  ask<T>(doing: string, request: (admin: Admin) => Promise<T>): Promise<T>
  /**
   * Rejects if the topic does not exist. Call this before any other request that concerns a topic: kafkajs fetches the
   * metadata for all the topics of a connection together, so one unknown topic makes the requests for the others fail.
   */
  assertExists(topic: string): Promise<void>
  /**
   * Marks topics as existing. Call this as soon as one broker has described the topics, because `assertExists` might
   * otherwise ask a broker that does not know them yet.
   */
  remember(topics: Iterable<string>): void
  offsets(topic: string): Promise<readonly PartitionOffsets[]>
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>
}

export interface AdminOptions {
  readonly client: Kafka
  readonly timeoutMs: number
  readonly onError: (error: unknown) => void
}

export function createAdminClient({ client, timeoutMs, onError }: AdminOptions): AdminClient {
  const connection = createLazy(
    async () => {
      const admin = client.admin()
      await admin.connect()
      return admin
    },
    (admin) => admin.disconnect(),
    onError,
  )

  // After a failure, the next attempt opens new connections and looks up the leaders again.
  const ask: AdminClient['ask'] = (doing, request) =>
    askPatiently(timeoutMs, doing, () => connection.use((admin) => request(admin)))

  const existing = new Set<string>()
  function remember(topics: Iterable<string>): void {
    for (const name of topics) existing.add(name)
  }

  async function assertExists(topic: string): Promise<void> {
    if (existing.has(topic)) return
    remember(await ask('Asking Kafka for its topics', (admin) => admin.listTopics()))
    if (!existing.has(topic)) throw kafkaUnavailable(`${topic} cannot be read`, new Error('there is no such topic'))
  }

  return {
    ask,
    assertExists,
    remember,
    async offsets(topic) {
      await assertExists(topic)
      const found = await ask(`Asking Kafka for the offsets of ${topic}`, (admin) => admin.fetchTopicOffsets(topic))
      return found
        .map(({ partition, low, high }) => ({ partition, first: Number(low), end: Number(high) }))
        .toSorted((a, b) => a.partition - b.partition)
    },
    async committed(groupId, topic) {
      await assertExists(topic)
      const doing = `Asking Kafka for the committed offsets of ${groupId}`
      const found = await ask(doing, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }))
      const partitions = found.find((entry) => entry.topic === topic)?.partitions ?? []
      // -1 means that nothing was committed for the partition.
      const known = partitions.map(({ partition, offset }) => [partition, Number(offset)] as const)
      return new Map(known.filter(([, offset]) => offset >= 0).toSorted(([a], [b]) => a - b))
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}
