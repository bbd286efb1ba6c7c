import { Partitioners, type Kafka, type Producer } from 'kafkajs'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { createLazy } from '../client/lazy.ts'
import { partitionOfKey } from '../../partitioner.ts'
import type { OutgoingRecord } from './records.ts'
import { within } from '../../../threads/waiting.ts'

export interface Addressed {
  readonly topic: string
  readonly record: OutgoingRecord
}

export type Sender = ReturnType<typeof createSender>

export interface SenderOptions {
  readonly client: Kafka
  readonly onError: (error: unknown) => void
  /**
   * Called if the broker set the records' timestamps. All values are in ms since 1970, the last two by this machine's
   * clock.
   */
  readonly onStamped: (appendedAtMs: number, sentAtMs: number, acknowledgedAtMs: number) => void
}

/** The leader waits at most this long for its replicas. */
const BROKER_TIMEOUT_MS = 4000

/**
 * Makes one attempt to write records. Retrying is up to the caller.
 *
 * Does not use kafkajs's idempotent producer, which in version 2.2.4 reuses its sequence numbers after any error. After
 * a lost acknowledgement, the broker can then mistake the next batch of the same length for a duplicate, acknowledge it
 * and drop it. Here a duplicate record is harmless, but a missing record is not.
 *
 * Does not use kafkajs's retries either. A retry skips brokers that have already responded, so if a partition's leader
 * has moved to one of them, kafkajs reports success without having written the records (tulios/kafkajs#1798). Instead,
 * the caller sends the whole group again.
 */
export function createSender({ client, onError, onStamped }: SenderOptions) {
  const connection = createLazy(
    async () => {
      const producer = createProducer(client)
      await producer.connect()
      return producer
    },
    (producer) => producer.disconnect(),
    onError,
  )

  async function attempt(records: readonly Addressed[]): Promise<readonly RecordPosition[]> {
    const topics = Map.groupBy(records, ({ topic }) => topic)
    let sentAtMs = Date.now()
    const answers = await connection.use(
      (producer) => {
        sentAtMs = Date.now()
        return producer.sendBatch({
          acks: -1,
          timeout: BROKER_TIMEOUT_MS,
          topicMessages: Array.from(topics, ([topic, group]) => ({
            topic,
            messages: group.map(({ record }) => record),
          })),
        })
      },
      // The connection is kept, because kafkajs looks up the leaders again before it rejects.
      () => true,
    )
    // The broker returns -1 for a topic that keeps the producer's timestamps.
    const appendedAtMs = Number(answers[0]?.logAppendTime ?? -1)
    if (appendedAtMs >= 0) onStamped(appendedAtMs, sentAtMs, Date.now())
    const next = new Map(
      answers.map((answer) => [`${answer.topicName}:${answer.partition}`, Number(answer.baseOffset)]),
    )
    return records.map(({ topic, record: { partition = -1 } }) => {
      const key = `${topic}:${partition}`
      const offset = next.get(key)
      // kafkajs silently omits partitions that have no leader in its metadata.
      if (offset === undefined || Number.isNaN(offset)) throw new Error(`no broker acknowledged partition ${key}`)
      next.set(key, offset + 1)
      return { topic, partition, offset }
    })
  }

  return {
    /**
     * Resolves with the records' positions, in order, once every in-sync replica has all the records. Even after a
     * rejection, any of the records may be in the log. Rejects with kafkajs's error, or with a timeout error after
     * `timeoutMs`.
     */
    async send(records: readonly Addressed[], timeoutMs: number): Promise<readonly RecordPosition[]> {
      let finished = false
      const sending = attempt(records).finally(() => (finished = true))
      try {
        return await within(timeoutMs, 'Publishing', sending)
      } catch (error) {
        // An attempt that hangs is abandoned, and its connections are closed. If it succeeds after all, its records may
        // be in the log twice.
        if (!finished) connection.drop()
        throw error
      }
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

function createProducer(client: Kafka): Producer {
  return client.producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    retry: { retries: 0 },
    metadataMaxAge: 60_000,
    createPartitioner: () => {
      const inTurn = Partitioners.DefaultPartitioner()
      return (args) => {
        const record: unknown = args.message
        return choosePartition(record as OutgoingRecord, args.partitionMetadata.length, () => inTurn(args))
      }
    },
  })
}

/**
 * Records without a key go to the partitions in turn. kafkajs's own hash of a key takes 4 µs, because it calculates
 * with objects that represent 64-bit integers.
 */
function choosePartition(record: OutgoingRecord, partitions: number, inTurn: () => number): number {
  record.partition ??= record.key === null ? inTurn() : partitionOfKey(record.key, partitions)
  return record.partition
}
