import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from '../../../ports/event-log.ts'
import { askPatiently } from './ask.ts'
import { kafkaUnavailable } from './errors.ts'
import { createLazy } from './lazy.ts'

/** Questions to the cluster, each answered or rejected with `log-unavailable` in bounded time. */
export interface AdminClient extends AsyncDisposable {
  ask<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T>
  /**
   * Rejects for a topic that does not exist. Call it before any other question about a topic, on every connection: kafkajs
   * asks for the metadata of all topics of a connection together, and one unknown topic fails the questions about all.
   */
  assertExists(topic: string): Promise<void>
  /** Remembers topics that one broker has described, because other brokers may not know a new topic yet. */
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

  // After a failure the next question starts with new connections, and finds the leader again.
  const ask: AdminClient['ask'] = (doing, question) =>
    askPatiently(timeoutMs, doing, () => connection.use((admin) => question(admin)))

  const existing = new Set<string>()
  function remember(topics: Iterable<string>): void {
    for (const name of topics) existing.add(name)
  }

  async function assertExists(topic: string): Promise<void> {
    if (existing.has(topic)) return
    remember(await ask('Asking Kafka for its topics', (admin) => admin.listTopics()))
    if (!existing.has(topic))
      throw kafkaUnavailable(`${topic} cannot be asked for`, new Error('there is no such topic'))
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
      const doing = `Asking Kafka for what ${groupId} has committed`
      const found = await ask(doing, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }))
      const partitions = found.find((of) => of.topic === topic)?.partitions ?? []
      // -1 means that nothing was committed in the partition.
      const known = partitions.map(({ partition, offset }) => [partition, Number(offset)] as const)
      return new Map(known.filter(([, offset]) => offset >= 0).toSorted(([a], [b]) => a - b))
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}
