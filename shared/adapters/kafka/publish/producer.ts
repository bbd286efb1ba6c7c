import { Partitioners, type Kafka, type Producer } from 'kafkajs'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { createLazy } from '../client/lazy.ts'
import type { OutgoingMessage } from './records.ts'
import { within } from '../../../threads/waiting.ts'

export interface Addressed {
  readonly topic: string
  readonly message: OutgoingMessage
}

/** Makes one attempt to write; the caller decides whether there is another. */
export interface Sender extends AsyncDisposable {
  /**
   * Resolves with the positions, in order, once every in-sync replica has all of them. After a rejection any of them
   * may be in the log. Rejects with kafkajs's error, at the latest after `timeoutMs`.
   */
  send(messages: readonly Addressed[], timeoutMs: number): Promise<readonly RecordPosition[]>
}

export interface SenderOptions {
  readonly client: Kafka
  readonly onError: (error: unknown) => void
  /** Called when the broker timestamped the records, between these two times of this machine's clock; ms since 1970. */
  readonly onStamped: (appendedAtMs: number, sentAtMs: number, acknowledgedAtMs: number) => void
}

/** How long the leader waits for its replicas. */
const BROKER_TIMEOUT_MS = 4000

/**
 * Not idempotent, on purpose: kafkajs 2.2.4's idempotent producer reuses its sequence numbers after any error. After a lost
 * acknowledgement, the broker can then take the next batch of the same length for a repetition, acknowledge it and drop it.
 * A duplicate record is harmless here; a missing one is not.
 *
 * It also does without kafkajs's own retries: a retry skips brokers that have answered, so a partition whose leader moved to
 * one of them is acknowledged without having been written (tulios/kafkajs#1798). The caller sends the whole group again.
 */
export function createSender({ client, onError, onStamped }: SenderOptions): Sender {
  const connection = createLazy(
    async () => {
      const producer = createProducer(client)
      await producer.connect()
      return producer
    },
    (producer) => producer.disconnect(),
    onError,
  )

  async function attempt(messages: readonly Addressed[]): Promise<readonly RecordPosition[]> {
    const topics = Map.groupBy(messages, ({ topic }) => topic)
    let sentAtMs = Date.now()
    const answers = await connection.use(
      (producer) => {
        sentAtMs = Date.now()
        return producer.sendBatch({
          acks: -1,
          timeout: BROKER_TIMEOUT_MS,
          topicMessages: Array.from(topics, ([topic, of]) => ({ topic, messages: of.map(({ message }) => message) })),
        })
      },
      // kafkajs has looked the leaders up again by the time it rejects.
      () => true,
    )
    // -1 in topics that keep the producer's time.
    const appendedAtMs = Number(answers[0]?.logAppendTime ?? -1)
    if (appendedAtMs >= 0) onStamped(appendedAtMs, sentAtMs, Date.now())
    const next = new Map(
      answers.map((answer) => [`${answer.topicName}:${answer.partition}`, Number(answer.baseOffset)]),
    )
    return messages.map(({ topic, message: { partition = -1 } }) => {
      const place = `${topic}:${partition}`
      const offset = next.get(place)
      // kafkajs leaves out partitions for which its metadata has no leader, without an error.
      if (offset === undefined || Number.isNaN(offset)) throw new Error(`nobody acknowledged partition ${place}`)
      next.set(place, offset + 1)
      return { topic, partition, offset }
    })
  }

  return {
    async send(messages, timeoutMs) {
      let finished = false
      const sending = attempt(messages).finally(() => (finished = true))
      try {
        return await within(timeoutMs, 'publishing', sending)
      } catch (error) {
        // A hanging attempt is abandoned and its connections are dropped; it does no harm if it succeeds later.
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
      const choose = Partitioners.DefaultPartitioner()
      return (args) => {
        const message = args.message as OutgoingMessage
        message.partition = choose(args)
        return message.partition
      }
    },
  })
}
