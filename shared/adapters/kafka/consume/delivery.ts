import { messageOf } from '../../../domain/errors.ts'
import type { Subscription } from '../../../ports/event-log.ts'
import { jitteredMs, pause } from '../../../threads/waiting.ts'
import { isPassing, isRebalancing, kafkaUnavailable, rootOf } from '../client/errors.ts'
import { createInbox, type Taken } from './inbox.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'

type SessionSettings = Pick<SessionOptions, 'kafka' | 'admin' | 'sessionTimeoutMs' | 'onError'>

export type KafkaDelivery = ReturnType<typeof createKafkaDelivery>

const FIRST_DELAY_MS = 100
const MAX_REDELIVERY_DELAY_MS = 5000
const MAX_REJOIN_DELAY_MS = 10_000
const PASSING_REJOINS = 5
/** A persistent failure is reported again after this interval. */
const REPORT_AGAIN_MS = 60_000

/** Delivers one batch after another until disposed of. Replaces a session that fails. */
export function createKafkaDelivery(subscription: Subscription, settings: SessionSettings) {
  const closing = new AbortController()
  const { signal } = closing
  const inbox = createInbox(subscription.maxBatchSize)
  /** Offsets that were processed in the session's epoch and whose commit has not begun. */
  const uncommitted = new Map<number, number>()
  let committing: Promise<void> | undefined
  let wake: (() => void) | undefined
  let failing: string | undefined
  let reportedAt = Number.NEGATIVE_INFINITY
  let rejoins = 0
  const held = new Map<number, string>()
  /** The last reported error of each partition, so that the same error is not reported twice. */
  const reportedHeld = new Map<number, string>()
  let session = open()
  signal.addEventListener('abort', () => wake?.())
  const supervising = supervise()
  const running = run()

  function open(): Session {
    const { groupId, topic } = subscription
    return openSession({
      ...settings,
      groupId,
      topic,
      inbox,
      onRecords: () => wake?.(),
      // Joining the group does not count as progress. Otherwise a fetch that always fails would be retried without
      // backoff.
      onProgress() {
        failing = undefined
        rejoins = 0
      },
      onHeld(partition, error) {
        if (error === undefined) {
          held.delete(partition)
          return
        }
        held.set(partition, error.message)
        if (reportedHeld.get(partition) === error.message) return
        reportedHeld.set(partition, error.message)
        subscription.onError(error)
      },
    })
  }

  /** Replaces each session that fails. The log's health reports the failure until a session can read again. */
  async function supervise(): Promise<void> {
    while (!signal.aborted) {
      const error = await session.over
      if (signal.aborted) return
      // While a coordinator is moving or loading, the failure is reported only after several attempts.
      if (!isPassing(error) || rejoins >= PASSING_REJOINS) report(error)
      await session[Symbol.asyncDispose]()
      await pause(jitteredMs(++rejoins, FIRST_DELAY_MS, MAX_REJOIN_DELAY_MS), signal)
      if (!signal.aborted) session = open()
    }
  }

  function report(error: unknown): void {
    const before = failing
    failing = `The consumer of ${subscription.topic} cannot continue: ${messageOf(rootOf(error))}.`
    if (failing === before && performance.now() - reportedAt < REPORT_AGAIN_MS) return
    reportedAt = performance.now()
    subscription.onError(kafkaUnavailable(`The consumer of ${subscription.topic} failed and is being restarted`, error))
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const taken = inbox.take()
      if (taken.next.size === 0) {
        await recordsArrived()
        continue
      }
      session.resume()
      await deliverBatch(taken)
    }
  }

  /** Call this in the same turn of the event loop as `inbox.take`, so that no record is missed in between. */
  async function recordsArrived(): Promise<void> {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    wake = undefined
  }

  /**
   * Repeats the delivery of the batch until it is processed. If the partitions may have moved, drops the batch; its
   * records are then fetched again.
   */
  async function deliverBatch({ records, next }: Taken): Promise<void> {
    const current = session
    const { epoch } = current
    const isOurs = () => session === current && current.epoch === epoch
    for (let failures = 1; ; failures++) {
      try {
        if (records.length > 0) await subscription.onBatch(records, signal)
        break
      } catch (error) {
        // While the delivery is closing, a rejection means that the handler gave its batch back.
        if (signal.aborted) return
        subscription.onError(error)
        await pause(jitteredMs(failures, FIRST_DELAY_MS, MAX_REDELIVERY_DELAY_MS), signal)
        if (signal.aborted || !isOurs()) return
      }
    }
    if (!isOurs()) return
    for (const [partition, offset] of next) uncommitted.set(partition, offset)
    await committing
    committing = commitProcessed(current, isOurs)
  }

  /** At most one commit is in flight while the next batch is processed. Never rejects. */
  async function commitProcessed(current: Session, isOurs: () => boolean): Promise<void> {
    const offsets = new Map(uncommitted)
    uncommitted.clear()
    for (let failures = 1; isOurs(); failures++) {
      try {
        await current.commit(offsets)
        return
      } catch (error) {
        // A group that is rebalancing accepts no commits, so the records are delivered again.
        if (!isOurs() || isRebalancing(error)) return
        subscription.onError(error)
        if (signal.aborted) return
        await pause(jitteredMs(failures, FIRST_DELAY_MS, MAX_REDELIVERY_DELAY_MS), signal)
      }
    }
  }

  return {
    /** The reason why nothing is delivered; undefined while delivery works. */
    get failing(): string | undefined {
      return failing
    },
    /**
     * The held partitions, each with the reason why its next batch is unreadable. Other partitions are still delivered.
     */
    held: held as ReadonlyMap<number, string>,
    async [Symbol.asyncDispose](): Promise<void> {
      closing.abort()
      await running
      await committing
      await session[Symbol.asyncDispose]()
      await supervising
    },
  }
}
