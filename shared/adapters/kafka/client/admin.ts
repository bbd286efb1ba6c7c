import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from '../../../ports/event-log.ts'
import { askPatiently } from './ask.ts'
import { kafkaUnavailable } from './errors.ts'
import { createLazy } from './lazy.ts'

/** Questions to the cluster, each answered or rejected with `log-unavailable` in bounded time. */
export interface AdminClient extends AsyncDisposable {
  ask<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T>
  /**
   * Rejects for a topic that does not exist. Every question about a topic begins with it, on whatever connection: kafkajs
   * asks for the metadata of all topics of a connection together, and takes one that is unknown for a failure of the
   * answer, which fails the questions about the others.
   */
  assertExists(topic: string): Promise<void>
  /** Topics that a broker has described: others may not have heard yet of one that was just made. */
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

  // After a failure the next question starts with connections of its own, and asks anew who leads.
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
      // -1 stands for a partition that was never committed.
      const known = partitions.map(({ partition, offset }) => [partition, Number(offset)] as const)
      return new Map(known.filter(([, offset]) => offset >= 0).toSorted(([a], [b]) => a - b))
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}
