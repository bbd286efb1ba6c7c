import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { AdminClient } from '../client/admin.ts'
import { kafkaUnavailable } from '../client/errors.ts'
import type { Carrier } from '../fetch/fetch-response.ts'
import type { Inbox } from './inbox.ts'
import { startingPositions } from './positions.ts'
import { logUnreadable } from '../fetch/reader.ts'
import { within } from '../../../threads/waiting.ts'

/**
 * One membership in a group, from joining to the first failure that kafkajs does not recover from. It fills the inbox
 * in the background, and by fetching keeps the membership alive however long a batch takes: kafkajs sends heartbeats
 * between fetches, and to a partition that is paused it goes on without one.
 */
export interface Session extends AsyncDisposable {
  /** Resolves with the cause when the session is over; it is to be disposed of then. */
  readonly over: Promise<unknown>
  /** Changes whenever the partitions may have become another's: what was fetched before must not be committed after. */
  readonly epoch: number
  /** The offsets that the group reads next. */
  commit(next: ReadonlyMap<number, number>): Promise<void>
  /** Fetches what was paused again where the inbox has room. */
  resume(): void
}

export interface SessionOptions {
  /** Of its own: see createClient. */
  readonly client: Kafka
  readonly admin: Pick<AdminClient, 'offsets' | 'committed'>
  readonly groupId: string
  readonly topic: string
  readonly inbox: Inbox
  readonly sessionTimeoutMs: number
  /** Records came, or offsets that hold none. */
  readonly onRecords: () => void
  /** The brokers answered a fetch: this session can read. */
  readonly onProgress: () => void
  /** A partition stands before a batch that cannot be read, as far as this version goes; undefined once it goes on. */
  readonly onHeld: (partition: number, error: Error | undefined) => void
  readonly onError: (error: unknown) => void
}

/** Also the longest that a partition waits to be fetched again after a pause. */
const MAX_WAIT_MS = 250
const HEARTBEAT_INTERVAL_MS = 3000
const REBALANCE_TIMEOUT_MS = 60_000
/** No sign of life for longer than the longest of its requests, joining, can take: it hangs (tulios/kafkajs#659). */
const SILENCE_MS = REBALANCE_TIMEOUT_MS + 30_000
/** A member that is just joining cannot leave; a process that stops has no time for it, and is missed soon enough. */
const LEAVE_TIMEOUT_MS = 4000
const COMMIT_TIMEOUT_MS = 15_000
/** A batch whose checksum does not match may come whole from another replica. */
const HELD_RETRY_MS = 30_000

export function openSession(options: SessionOptions): Session {
  const { client, admin, groupId, topic, inbox, sessionTimeoutMs, onRecords, onProgress, onHeld, onError } = options
  const over = Promise.withResolvers<unknown>()
  const consumer = client.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.min(HEARTBEAT_INTERVAL_MS, sessionTimeoutMs / 3),
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    maxWaitTimeInMs: MAX_WAIT_MS,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    // A new session is better than a restarted one: it shares nothing with what failed.
    retry: { retries: 5, restartOnFailure: async () => false },
  })
  /** The next offset to come, by partition; empty while it is not known where to begin. */
  const expected = new Map<number, number>()
  /** Partitions that are not fetched for now, with what ends that. */
  const held = new Map<number, NodeJS.Timeout>()
  let epoch = 0
  let assigned: readonly number[] = []
  let closed = false

  /** From here on nothing of this session reaches the inbox, which may be another session's already. */
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
    await within(LEAVE_TIMEOUT_MS, 'leaving the group', consumer.disconnect()).catch(onError)
  }

  let lastSign = performance.now()
  const alive = () => (lastSign = performance.now())
  const watchdog = setInterval(() => {
    if (performance.now() - lastSign > SILENCE_MS) end(new Error('the consumer gave no sign of life'))
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
    // It hung, was given up, and has come back: as a member that nobody listens to it would keep its partitions.
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
   * Begins again at what the group has committed. kafkajs would too, but what one broker answers late it takes for
   * the continuation of what it fetches after a rebalance, and so can pass over records when there are several.
   */
  async function reposition(): Promise<void> {
    if (closed) return
    epoch += 1
    expected.clear()
    inbox.clear()
    releaseAll()
    if (assigned.length === 0) return
    const begun = epoch
    try {
      const positions = await startingPositions(admin, groupId, topic)
      if (epoch !== begun) return
      for (const partition of assigned) {
        const position = positions.get(partition)
        if (position === undefined) throw new Error(`The topic ${topic} has no partition ${partition}.`)
        expected.set(partition, position)
        consumer.seek({ topic, partition, offset: String(position) })
      }
      if (consumer.paused().length > 0) consumer.resume(consumer.paused())
    } catch (error) {
      if (epoch === begun) end(error)
    }
  }

  function take(payload: EachBatchPayload): void {
    const { batch } = payload
    const { partition } = batch
    const expectedNext = expected.get(partition)
    if (closed || expectedNext === undefined) return
    // Public in fact, though not in its types: the offset that this batch was asked for.
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
    if (unreadable === undefined) onHeld(partition, undefined)
    else hold(partition, logUnreadable(topic, partition, unreadable))
    if (inbox.isFull(partition)) consumer.pause([{ topic, partitions: [partition] }])
  }

  /** Other partitions go on; this one is looked at again now and then. */
  function hold(partition: number, error: Error): void {
    consumer.pause([{ topic, partitions: [partition] }])
    const retry = () => {
      held.delete(partition)
      if (!closed && inbox.hasRoom(partition)) consumer.resume([{ topic, partitions: [partition] }])
    }
    held.set(partition, setTimeout(retry, HELD_RETRY_MS).unref())
    onHeld(partition, error)
  }

  function releaseAll(): void {
    for (const [partition, timer] of held) {
      clearTimeout(timer)
      onHeld(partition, undefined)
    }
    held.clear()
  }

  return {
    over: over.promise,
    get epoch() {
      return epoch
    },
    async commit(next) {
      const offsets = Array.from(next, ([partition, offset]) => ({ topic, partition, offset: String(offset) }))
      try {
        await within(COMMIT_TIMEOUT_MS, 'committing', consumer.commitOffsets(offsets))
      } catch (error) {
        throw kafkaUnavailable(`What ${groupId} has processed could not be committed`, error)
      }
    },
    resume() {
      for (const { partitions } of consumer.paused()) {
        const roomy = partitions.filter((partition) => inbox.hasRoom(partition) && !held.has(partition))
        if (roomy.length > 0) consumer.resume([{ topic, partitions: roomy }])
      }
    },
    async [Symbol.asyncDispose]() {
      end()
      await leave()
    },
  }
}
