import { createRequire } from 'node:module'
import type { Kafka, KafkaMessage } from 'kafkajs'
import type { LogRecord } from '../../ports/event-log.ts'
import { askPatiently } from './ask.ts'
import { createCluster, READ_COMMITTED, type FetchedPartition } from './cluster.ts'
import { rootOf } from './errors.ts'
import { createLazy } from './lazy.ts'
import { fromMessage } from './records.ts'

/** Reads any place of the log, without a group. */
export interface Reader extends AsyncDisposable {
  read(topic: string, partition: number, fromOffset: number, limit: number): Promise<readonly LogRecord[]>
}

export interface ReaderOptions {
  readonly client: Kafka
  readonly timeoutMs: number
  /** Where the partition begins, for an offset from before. */
  readonly firstOffset: (topic: string, partition: number) => Promise<number>
  readonly onError: (error: unknown) => void
}

const READ_BYTES = 8 * 1024 * 1024
/** A broker sends the first batch whole, however large it is, and so at least one record. */
const READ_ONE_BYTES = 64 * 1024

/** What kafkajs makes of a fetched partition: the records from the offset on, without markers and aborted ones. */
interface Batch {
  readonly messages: readonly KafkaMessage[]
  isEmpty(): boolean
  isEmptyDueToFiltering(): boolean
  lastOffset(): string
}
type BatchClass = new (topic: string, fetchedOffset: string, partition: FetchedPartition) => Batch
const BatchOf = createRequire(import.meta.url)('kafkajs/src/consumer/batch') as BatchClass

export function createReader({ client, timeoutMs, firstOffset, onError }: ReaderOptions): Reader {
  const connection = createLazy(
    async () => {
      const cluster = createCluster(client)
      await cluster.connect()
      return cluster
    },
    (cluster) => cluster.disconnect(),
    onError,
  )

  async function fetchFrom(topic: string, partition: number, offset: number, limit: number): Promise<Batch> {
    const maxBytes = limit === 1 ? READ_ONE_BYTES : READ_BYTES
    const fetchOffset = String(offset)
    const fetching = connection.use(async (cluster) => {
      await cluster.addTargetTopic(topic)
      await cluster.refreshMetadataIfNecessary()
      const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
      if (nodeId === undefined) throw new Error(`there is no partition ${partition} of ${topic}`)
      const broker = await cluster.findBroker({ nodeId })
      return broker.fetch({
        maxWaitTime: 0,
        minBytes: 0,
        maxBytes,
        isolationLevel: READ_COMMITTED,
        topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes }] }],
      })
    }, isOutOfRange)
    const { responses } = await fetching
    const fetched = responses[0]?.partitions[0]
    if (fetched === undefined) throw new Error(`the leader of ${topic} answered without partition ${partition}`)
    return new BatchOf(topic, fetchOffset, fetched)
  }

  async function records(
    topic: string,
    partition: number,
    fromOffset: number,
    limit: number,
  ): Promise<readonly LogRecord[]> {
    let offset = Math.max(0, fromOffset)
    for (;;) {
      const batch = await fetchFrom(topic, partition, offset, limit)
      if (!batch.isEmpty())
        return batch.messages.slice(0, limit).map((message) => fromMessage(topic, partition, message))
      if (!batch.isEmptyDueToFiltering()) return []
      // Nothing but transaction markers and the like: the records are behind them.
      offset = Math.max(offset, Number(batch.lastOffset())) + 1
    }
  }

  async function inRange(
    topic: string,
    partition: number,
    fromOffset: number,
    limit: number,
  ): Promise<readonly LogRecord[]> {
    try {
      return await records(topic, partition, fromOffset, limit)
    } catch (error) {
      if (!isOutOfRange(error)) throw error
      const first = await firstOffset(topic, partition)
      return fromOffset < first ? await records(topic, partition, first, limit) : []
    }
  }

  return {
    async read(topic, partition, fromOffset, limit) {
      if (limit <= 0) return []
      const doing = `Reading ${topic}, partition ${partition}, from Kafka`
      return askPatiently(timeoutMs, doing, () => inRange(topic, partition, fromOffset, limit))
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

function isOutOfRange(error: unknown): boolean {
  const root = rootOf(error)
  return root instanceof Error && root.name === 'KafkaJSOffsetOutOfRange'
}
