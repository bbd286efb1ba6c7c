import type { Consumer, EachBatchPayload } from 'kafkajs'
import type { AdminClient } from '../client/admin.ts'
import { createClient, type KafkaConnection } from '../client/connection.ts'
import { kafkaUnavailable } from '../client/errors.ts'
import { createConsumerFetch } from '../fetch/consumer-fetch.ts'
import type { Carrier } from '../fetch/fetch-response.ts'
import type { Inbox } from './inbox.ts'
import { logUnreadable } from '../fetch/reader.ts'
import { within } from '../../../threads/waiting.ts'

/**
 * One membership in a group, from joining to the first failure that kafkajs does not recover from. The session fills
 * the inbox in the background. A slow batch does not cost the consumer its membership, because kafkajs sends heartbeats
 * between fetches, even while partitions are paused.
 */
export interface Session extends AsyncDisposable {
  /** Resolves with the cause when the session has ended. The caller then disposes of the session. */
  readonly over: Promise<unknown>
  /**
   * A number that changes when partitions may have moved to another member. Offsets from an earlier epoch must not be
   * committed.
   */
  readonly epoch: number
  /** Commits the offsets that the group reads next. */
  commit(next: ReadonlyMap<number, number>): Promise<void>
  /** Resumes the paused partitions if the inbox has room. */
  resume(): void
}

export interface SessionOptions {
  /** Each session creates its own client: see `createClient`. */
  readonly kafka: KafkaConnection
  readonly admin: Pick<AdminClient, 'offsets' | 'committed'>
  readonly groupId: string
  readonly topic: string
  readonly inbox: Inbox
  readonly sessionTimeoutMs: number
  /** Called when records have arrived, and when offsets without records have been skipped. */
  readonly onRecords: () => void
  /** Called when a fetch has succeeded. */
  readonly onProgress: () => void
  /** Called with an error when a partition is stuck at an unreadable batch, and without an error once it moves on. */
  readonly onHeld: (partition: number, error: Error | undefined) => void
  readonly onError: (error: unknown) => void
}

/** A resumed partition waits at most this long for its next fetch. */
const MAX_WAIT_MS = 250
/** Limits for a response. The broker exceeds them for the first batch of the first partition that has records. */
const FETCH_BYTES = 2 * 1024 * 1024
const PARTITION_BYTES = 128 * 1024
const HEARTBEAT_INTERVAL_MS = 3000
const REBALANCE_TIMEOUT_MS = 60_000
/**
 * A consumer that shows no activity for this long counts as hung (tulios/kafkajs#659). No request takes longer than the
 * one that joins the group.
 */
const SILENCE_MS = REBALANCE_TIMEOUT_MS + 30_000
/**
 * A member that is still joining cannot leave. A process that is stopping therefore waits at most this long. If the
 * member has not left by then, the broker removes it after the session timeout.
 */
const LEAVE_TIMEOUT_MS = 4000
const COMMIT_TIMEOUT_MS = 15_000
/**
 * A held partition is retried after this time, because another replica may have an intact copy of a batch whose
 * checksum does not match.
 */
const HELD_RETRY_MS = 30_000

export function openSession(options: SessionOptions): Session {
  const { kafka, admin, groupId, topic, inbox, sessionTimeoutMs, onRecords, onProgress, onHeld, onError } = options
  const over = Promise.withResolvers<unknown>()
  const consumer = createClient(kafka, createConsumerFetch()).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.min(HEARTBEAT_INTERVAL_MS, sessionTimeoutMs / 3),
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: PARTITION_BYTES,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    // The delivery opens a new session instead, which shares no state with the failed one.
    retry: { retries: 5, restartOnFailure: async () => false },
  })
  /** The next offset to receive, by partition; empty until the starting positions are known. */
  const expected = new Map<number, number>()
  /** Partitions that are held, with the timers that resume them; without a timer while the next fetch is awaited. */
  const held = new Map<number, NodeJS.Timeout | undefined>()
  let epoch = 0
  let assigned: readonly number[] = []
  let closed = false

  /** After this call, the session does not touch the inbox, because the next session may already be using it. */
  function end(error?: unknown): void {
    if (closed) return
    closed = true
    clearInterval(watchdog)
    epoch += 1
    inbox.clear()
    releaseAll()
    over.resolve(error)
  }

  async function leave(): Promise<void> {
    await within(LEAVE_TIMEOUT_MS, 'Leaving the group', consumer.disconnect()).catch(onError)
  }

  let lastSign = performance.now()
  const alive = () => (lastSign = performance.now())
  const watchdog = setInterval(() => {
    if (performance.now() - lastSign > SILENCE_MS) end(new Error('the consumer showed no activity'))
  }, SILENCE_MS / 10)

  consumer.on(consumer.events.FETCH, () => {
    alive()
    if (!closed) onProgress()
  })
  consumer.on(consumer.events.HEARTBEAT, alive)
  consumer.on(consumer.events.REBALANCING, () => {
    assigned = []
    void reposition()
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    alive()
    // This session was closed because it hung, but its consumer has now joined the group after all. The consumer must
    // leave the group at once; otherwise it would keep its partitions.
    if (closed) return void leave()
    assigned = payload.memberAssignment[topic] ?? []
    void reposition()
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error))
  void run(consumer)

  async function run(consumer: Consumer): Promise<void> {
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async (batch) => take(batch) })
    } catch (error) {
      end(error)
    }
  }

  /**
   * Starts again at the group's committed offsets. kafkajs does this too, but with several brokers it can mistake a
   * late response from before a rebalance for a current one, and so pass over records.
   */
  async function reposition(): Promise<void> {
    if (closed) return
    epoch += 1
    expected.clear()
    inbox.clear()
    releaseAll()
    if (assigned.length === 0) return
    const startedIn = epoch
    try {
      const positions = await startingPositions(admin, groupId, topic)
      if (epoch !== startedIn) return
      for (const partition of assigned) {
        const position = positions.get(partition)
        if (position === undefined) throw new Error(`The topic ${topic} has no partition ${partition}.`)
        expected.set(partition, position)
        consumer.seek({ topic, partition, offset: String(position) })
      }
      if (consumer.paused().length > 0) consumer.resume(consumer.paused())
    } catch (error) {
      if (epoch === startedIn) end(error)
    }
  }

  function take(payload: EachBatchPayload): void {
    const { batch } = payload
    const { partition } = batch
    const expectedNext = expected.get(partition)
    if (closed || expectedNext === undefined) return
    // The offset from which this batch was requested. kafkajs provides it, but does not declare it in its types.
    const { fetchedOffset } = batch as typeof batch & { readonly fetchedOffset: string }
    if (Number(fetchedOffset) !== expectedNext) {
      void reposition()
      return
    }
    const [carrier] = batch.messages as unknown as readonly Carrier[]
    if (carrier === undefined) return
    const { records, next, unreadable } = carrier.decoded
    if (next > expectedNext) {
      expected.set(partition, next)
      payload.resolveOffset(String(next - 1))
      inbox.add(partition, records, next)
      onRecords()
    }
    if (unreadable === undefined) release(partition)
    else hold(partition, logUnreadable(topic, partition, unreadable))
    if (inbox.isFull(partition)) consumer.pause([{ topic, partitions: [partition] }])
  }

  /** Holds this partition and retries it periodically. Other partitions continue. */
  function hold(partition: number, error: Error): void {
    consumer.pause([{ topic, partitions: [partition] }])
    const retry = () => {
      held.set(partition, undefined)
      if (!inbox.isFull(partition)) resumePaused((one) => one === partition)
    }
    clearTimeout(held.get(partition))
    held.set(partition, setTimeout(retry, HELD_RETRY_MS).unref())
    onHeld(partition, error)
  }

  function release(partition: number): void {
    clearTimeout(held.get(partition))
    if (held.delete(partition)) onHeld(partition, undefined)
  }

  function releaseAll(): void {
    for (const partition of held.keys()) release(partition)
  }

  /**
   * A consumer that has stopped has no paused partitions. Its `resume` would throw, even before it reports the crash.
   */
  function resumePaused(isResumable: (partition: number) => boolean): void {
    for (const { partitions } of consumer.paused()) {
      const resumable = partitions.filter(isResumable)
      if (resumable.length > 0) consumer.resume([{ topic, partitions: resumable }])
    }
  }

  return {
    over: over.promise,
    get epoch() {
      return epoch
    },
    async commit(next) {
      const offsets = Array.from(next, ([partition, offset]) => ({ topic, partition, offset: String(offset) }))
      try {
        await within(COMMIT_TIMEOUT_MS, 'Committing', consumer.commitOffsets(offsets))
      } catch (error) {
        throw kafkaUnavailable(`The offsets of ${groupId} could not be committed`, error)
      }
    },
    resume() {
      if (inbox.hasRoom) resumePaused((partition) => held.get(partition) === undefined)
    },
    async [Symbol.asyncDispose]() {
      end()
      await leave()
    },
  }
}

/**
 * The offset that a group reads next in each partition of a topic: the committed offset if it is valid, otherwise the
 * partition's first offset. A committed offset is no longer valid if the topic was truncated or recreated and does not
 * contain that offset.
 */
async function startingPositions(
  admin: SessionOptions['admin'],
  groupId: string,
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const [offsets, committed] = await Promise.all([admin.offsets(topic), admin.committed(groupId, topic)])
  return new Map(
    offsets.map(({ partition, first, end }) => {
      const next = committed.get(partition) ?? first
      return [partition, next >= first && next <= end ? next : first]
    }),
  )
}
