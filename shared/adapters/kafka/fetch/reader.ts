import { OrderError } from '../../../domain/errors.ts'
import type { LogRecord } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import { askPatiently } from '../client/ask.ts'
import { READ_COMMITTED, READ_UNCOMMITTED, type Cluster } from '../client/cluster.ts'
import { rootOf } from '../client/errors.ts'
import type { Lazy } from '../client/lazy.ts'
import type { Decoded, UnreadableBatch } from './record-batch.ts'

/** Reads from any position in the log, without a group. */
export interface Reader {
  read(topic: string, partition: number, fromOffset: number, limit: number): Promise<readonly LogRecord[]>
  /** By partition, the offset after the last record, including records of open transactions. */
  highWatermarks(topic: string): Promise<ReadonlyMap<number, number>>
}

export interface ReaderOptions {
  readonly cluster: Lazy<Cluster>
  readonly admin: Pick<AdminClient, 'assertExists' | 'offsets'>
  readonly timeoutMs: number
}

const READ_BYTES = 8 * 1024 * 1024
/** Enough for one record, because a broker sends the whole first batch even if the batch is larger. */
const READ_ONE_BYTES = 64 * 1024

export function createReader({ cluster, admin, timeoutMs }: ReaderOptions): Reader {
  async function fetchFrom(topic: string, partition: number, offset: number, maxBytes: number): Promise<Decoded> {
    const fetchOffset = String(offset)
    const fetching = cluster.use(async (connected) => {
      await connected.addTargetTopic(topic)
      await connected.refreshMetadataIfNecessary()
      const leader = () => Object.keys(connected.findLeaderForPartitions(topic, [partition]))[0]
      // A partition that the metadata does not have may have been added in the last minute.
      if (leader() === undefined) await connected.refreshMetadata()
      const nodeId = leader()
      if (nodeId === undefined) throw new Error(`there is no partition ${partition} of ${topic}`)
      const broker = await connected.findBroker({ nodeId })
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
    return fetched.messages[0]?.decoded ?? { records: [], next: offset }
  }

  async function inRange(topic: string, partition: number, offset: number, maxBytes: number): Promise<Decoded> {
    try {
      return await fetchFrom(topic, partition, offset, maxBytes)
    } catch (error) {
      if (!isOutOfRange(error)) throw error
      const { first = 0 } = (await admin.offsets(topic)).find((offsets) => offsets.partition === partition) ?? {}
      return offset < first ? await fetchFrom(topic, partition, first, maxBytes) : { records: [], next: offset }
    }
  }

  return {
    async read(topic, partition, fromOffset, limit) {
      if (limit <= 0) return []
      await admin.assertExists(topic)
      const doing = `Reading ${topic}, partition ${partition}, from Kafka`
      let offset = Math.max(0, fromOffset)
      let maxBytes = limit === 1 ? READ_ONE_BYTES : READ_BYTES
      for (;;) {
        // Each step has its own time limit, because reading past a long aborted transaction takes many steps.
        const decoded = await askPatiently(timeoutMs, doing, () => inRange(topic, partition, offset, maxBytes))
        if (decoded.records.length > 0) return decoded.records.slice(0, limit)
        if (decoded.unreadable !== undefined) throw logUnreadable(topic, partition, decoded.unreadable)
        if (decoded.next <= offset) return []
        // The response had only transaction markers and aborted records, so the next request begins after them.
        offset = decoded.next
        maxBytes = READ_BYTES
      }
    },
    async highWatermarks(topic) {
      await admin.assertExists(topic)
      return askPatiently(timeoutMs, `Asking Kafka for the end offsets of ${topic}`, () =>
        cluster.use((connected) => askForEnds(connected, topic)),
      )
    },
  }
}

/** In ListOffsets, this timestamp requests the end of the partition. */
const LATEST = -1

async function askForEnds(cluster: Cluster, topic: string): Promise<ReadonlyMap<number, number>> {
  await cluster.addTargetTopic(topic)
  await cluster.refreshMetadataIfNecessary()
  const numbers = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
  const leaders = Object.entries(cluster.findLeaderForPartitions(topic, numbers))
  const answers = leaders.map(async ([nodeId, led]) => {
    const broker = await cluster.findBroker({ nodeId })
    const partitions = led.map((partition) => ({ partition, timestamp: LATEST }))
    const { responses } = await broker.listOffsets({
      isolationLevel: READ_UNCOMMITTED,
      topics: [{ topic, partitions }],
    })
    return responses.flatMap((response) => response.partitions)
  })
  return new Map((await Promise.all(answers)).flat().map(({ partition, offset }) => [partition, Number(offset)]))
}

function isOutOfRange(error: unknown): boolean {
  const root = rootOf(error)
  return root instanceof Error && root.name === 'KafkaJSOffsetOutOfRange'
}

export function logUnreadable(topic: string, partition: number, { from, to, why }: UnreadableBatch): OrderError {
  const offsets = to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`
  return new OrderError(
    'log-unreadable',
    `The batch at ${offsets} of ${topic}, partition ${partition}, is unreadable: ${why}.`,
    { unreadable: { from, to } },
  )
}
