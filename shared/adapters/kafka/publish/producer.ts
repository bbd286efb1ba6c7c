import { Partitioners, type Kafka, type Producer } from 'kafkajs'
import { createLazy } from '../client/lazy.ts'
import { partitionOfKey } from '../../partitioner.ts'
import type { OutgoingRecord } from './records.ts'
import { within } from '../../../threads/waiting.ts'

export type Sender = ReturnType<typeof createSender>

export interface SenderOptions {
  readonly client: Kafka
  readonly topic: string
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
 * Makes one attempt to write records to one topic. Retrying is up to the caller. Each topic has its own connections,
 * because kafkajs looks up the leaders of all topics of a producer at once, and fails if one of the topics is refused.
 *
 * Does not use kafkajs's idempotent producer, which in version 2.2.4 reuses its sequence numbers after any error. After
 * a lost acknowledgement, the broker can then mistake the next batch of the same length for a duplicate, acknowledge it
 * and drop it. Here a duplicate record is harmless, but a missing record is not.
 *
 * Does not use kafkajs's retries either. A retry skips brokers that have already responded, so if a partition's leader
 * has moved to one of them, kafkajs reports success without having written the records (tulios/kafkajs#1798). Instead,
 * the caller sends all records that were not acknowledged again.
 */
export function createSender({ client, topic, onError, onStamped }: SenderOptions) {
  let partitions: number | undefined
  const connection = createLazy(
    async () => {
      const producer = createProducer(client, (count) => (partitions = count))
      await producer.connect()
      return producer
    },
    (producer) => producer.disconnect(),
    onError,
  )

  async function attempt(messages: OutgoingRecord[]): Promise<void> {
    let sentAtMs = Date.now()
    const answers = await connection.use(
      (producer) => {
        sentAtMs = Date.now()
        return producer.send({ acks: -1, timeout: BROKER_TIMEOUT_MS, topic, messages })
      },
      // The connection is kept, because kafkajs looks up the leaders again before it rejects.
      () => true,
    )
    // The broker returns -1 for a topic that keeps the producer's timestamps.
    const appendedAtMs = Number(answers[0]?.logAppendTime ?? -1)
    if (appendedAtMs >= 0) onStamped(appendedAtMs, sentAtMs, Date.now())
    // kafkajs silently omits partitions that have no leader in its metadata.
    const omitted = messages.find(({ offset }) => offset === undefined)
    if (omitted !== undefined) throw new Error(`no broker acknowledged partition ${topic}:${omitted.partition}`)
  }

  return {
    /** The number of partitions, once it is known. */
    partitions: () => partitions,
    /**
     * Resolves once every in-sync replica has all the records, which then have their partitions and offsets. After a
     * rejection, the records that have an offset were acknowledged; any of the others may be in the log too. Rejects
     * with kafkajs's error, or with a timeout error after `timeoutMs`.
     */
    async send(records: OutgoingRecord[], timeoutMs: number): Promise<void> {
      let finished = false
      const sending = attempt(records).finally(() => (finished = true))
      try {
        await within(timeoutMs, 'Publishing', sending)
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

function createProducer(client: Kafka, onPartitions: (count: number) => void): Producer {
  return client.producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    retry: { retries: 0 },
    metadataMaxAge: 60_000,
    createPartitioner: () => {
      const inTurn = Partitioners.DefaultPartitioner()
      return (args) => {
        const record: unknown = args.message
        onPartitions(args.partitionMetadata.length)
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
