import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from '../../ports/event-log.ts'
import { isPassing, logUnavailable } from './errors.ts'
import { createLazy } from './lazy.ts'
import { within } from './within.ts'

/** Questions to the cluster, each answered or rejected with `log-unavailable` in bounded time. */
export interface AdminClient extends AsyncDisposable {
  ask<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T>
  offsets(topic: string): Promise<readonly PartitionOffsets[]>
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>
}

export interface AdminOptions {
  readonly client: Kafka
  readonly timeoutMs: number
  readonly onError: (error: unknown) => void
}

const MAX_ATTEMPTS = 5
const FIRST_BACKOFF_MS = 100

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

  async function ask<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const deadline = performance.now() + timeoutMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await within(deadline - performance.now(), doing, connection.get().then(question))
      } catch (error) {
        // Whatever it was, the next attempt starts with connections of its own, and asks who leads.
        connection.drop()
        const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1)
        const hopeless = !isPassing(error) || attempt === MAX_ATTEMPTS || performance.now() + backoffMs > deadline
        if (hopeless) throw logUnavailable(`${doing} failed`, error)
        await sleep(backoffMs)
      }
    }
  }

  return {
    ask,
    async offsets(topic) {
      const found = await ask(`Asking Kafka for the offsets of ${topic}`, (admin) => admin.fetchTopicOffsets(topic))
      return found
        .map(({ partition, low, high }) => ({ partition, first: Number(low), end: Number(high) }))
        .toSorted((a, b) => a.partition - b.partition)
    },
    async committed(groupId, topic) {
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
