import { messageOf } from '../../../domain/errors.ts'
import type { Subscription } from '../../../ports/event-log.ts'
import { backoffMs, pause } from '../../../threads/waiting.ts'
import { isPassing, isRebalancing, kafkaUnavailable, rootOf } from '../client/errors.ts'
import { createInbox, type Inbox, type Taken } from './inbox.ts'
import type { Session, SessionOptions } from './session.ts'

export interface KafkaDeliveryOptions {
  readonly subscription: Subscription
  /** Joins the group; the session fills the inbox, and tells what else comes about. */
  readonly join: (inbox: Inbox, listener: SessionListener) => Session
}

export type SessionListener = Pick<SessionOptions, 'onRecords' | 'onProgress' | 'onHeld'>

export interface KafkaDelivery extends AsyncDisposable {
  /** Why nothing is being delivered, while that is so. */
  readonly failing: string | undefined
  /** Why a partition is held before a batch that cannot be read, by partition; the others are delivered. */
  readonly held: ReadonlyMap<number, string>
}

const FIRST_DELAY_MS = 100
const MAX_REDELIVERY_DELAY_MS = 5000
const MAX_REJOIN_DELAY_MS = 10_000
const PASSING_REJOINS = 5
/** The same trouble is told again after so long. */
const TELL_AGAIN_MS = 60_000

/** Delivers one batch after another until it is disposed of, through as many sessions as it takes. */
export function createKafkaDelivery({ subscription, join }: KafkaDeliveryOptions): KafkaDelivery {
  const closing = new AbortController()
  const { signal } = closing
  const inbox = createInbox(subscription.maxBatchSize)
  /** What was processed in the session's epoch and is not yet known to be committed. */
  const uncommitted = new Map<number, number>()
  let committing: Promise<void> | undefined
  let wake: (() => void) | undefined
  let failing: string | undefined
  let toldAt = Number.NEGATIVE_INFINITY
  let rejoins = 0
  const held = new Map<number, string>()
  /** Said once, however often it is found again. */
  const toldHeld = new Map<number, string>()
  let session = open()
  signal.addEventListener('abort', () => wake?.())
  const supervising = supervise()
  const running = run()

  function open(): Session {
    return join(inbox, {
      onRecords: () => wake?.(),
      // Joining alone is not progress: a fetch that always fails would be tried again at once, for ever.
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
        if (toldHeld.get(partition) === error.message) return
        toldHeld.set(partition, error.message)
        subscription.onError(error)
      },
    })
  }

  /** A session that fails is followed by another, for as long as it takes; until one can read, health says why. */
  async function supervise(): Promise<void> {
    while (!signal.aborted) {
      const error = await session.over
      if (signal.aborted) return
      // A coordinator that is moving or still loading is no news, unless it stays so.
      if (!isPassing(error) || rejoins >= PASSING_REJOINS) report(error)
      await session[Symbol.asyncDispose]()
      await pause(backoffMs(++rejoins, FIRST_DELAY_MS, MAX_REJOIN_DELAY_MS), signal)
      if (!signal.aborted) session = open()
    }
  }

  function report(error: unknown): void {
    const before = failing
    failing = `The consumer of ${subscription.topic} cannot go on: ${messageOf(rootOf(error))}.`
    if (failing === before && performance.now() - toldAt < TELL_AGAIN_MS) return
    toldAt = performance.now()
    subscription.onError(kafkaUnavailable(`The consumer of ${subscription.topic} is restarted`, error))
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const taken = inbox.take()
      if (taken.next.size === 0) {
        await somethingCame()
        continue
      }
      session.resume()
      await deliverBatch(taken)
    }
  }

  /** Looking and waiting happen in one turn of the event loop, so nothing that comes in between is overlooked. */
  async function somethingCame(): Promise<void> {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    wake = undefined
  }

  /** The same batch again until it is processed, or its partitions may be another's: then they are fetched anew. */
  async function deliverBatch({ records, next }: Taken): Promise<void> {
    const of = session
    const { epoch } = of
    const isOurs = () => session === of && of.epoch === epoch
    for (let failures = 1; ; failures++) {
      try {
        if (records.length > 0) await subscription.onBatch(records, signal)
        break
      } catch (error) {
        subscription.onError(error)
        if (signal.aborted) return
        await pause(backoffMs(failures, FIRST_DELAY_MS, MAX_REDELIVERY_DELAY_MS), signal)
        if (signal.aborted || !isOurs()) return
      }
    }
    if (!isOurs()) return
    for (const [partition, offset] of next) uncommitted.set(partition, offset)
    await committing
    committing = commitProcessed(of, isOurs)
  }

  /** One commit is on its way while the next batch is processed, never two. Never rejects. */
  async function commitProcessed(of: Session, isOurs: () => boolean): Promise<void> {
    const offsets = new Map(uncommitted)
    uncommitted.clear()
    for (let failures = 1; isOurs(); failures++) {
      try {
        await of.commit(offsets)
        return
      } catch (error) {
        // A group that rebalances takes no commits, as it should be; the records will come again.
        if (!isOurs() || isRebalancing(error)) return
        subscription.onError(error)
        if (signal.aborted) return
        await pause(backoffMs(failures, FIRST_DELAY_MS, MAX_REDELIVERY_DELAY_MS), signal)
      }
    }
  }

  return {
    get failing() {
      return failing
    },
    held,
    async [Symbol.asyncDispose]() {
      closing.abort()
      await running
      await committing
      await session[Symbol.asyncDispose]()
      await supervising
    },
  }
}
