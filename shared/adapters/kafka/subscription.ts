import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../domain/errors.ts'
import type { LogRecord, Subscription } from '../../ports/event-log.ts'
import { isPassing, isRebalancing, logUnavailable, rootOf } from './errors.ts'
import { createInbox, type Inbox } from './inbox.ts'
import type { Session } from './session.ts'

export interface DeliveryOptions {
  readonly subscription: Subscription
  /** Joins the group; the session fills the inbox and tells of records, and of having joined. */
  readonly join: (inbox: Inbox, onRecords: () => void, onJoined: () => void) => Session
}

export interface Delivery extends AsyncDisposable {
  /** Why nothing is being delivered, while that is so. */
  readonly failing: string | undefined
}

const FIRST_DELAY_MS = 100
const MAX_REDELIVERY_DELAY_MS = 5000
const MAX_REJOIN_DELAY_MS = 10_000
const PASSING_REJOINS = 5

/** Delivers one batch after another until it is disposed of, through as many sessions as it takes. */
export function deliver({ subscription, join }: DeliveryOptions): Delivery {
  const closing = new AbortController()
  const { signal } = closing
  const inbox = createInbox(subscription.maxBatchSize)
  /** What was processed in the session's epoch and is not yet known to be committed. */
  const uncommitted = new Map<number, number>()
  let committing: Promise<void> | undefined
  let wake: (() => void) | undefined
  let failing: string | undefined
  let rejoins = 0
  let session = open()
  signal.addEventListener('abort', () => wake?.())
  const supervising = supervise()
  const running = run()

  function open(): Session {
    return join(
      inbox,
      () => wake?.(),
      () => {
        failing = undefined
        rejoins = 0
      },
    )
  }

  /** A session that fails is followed by another, for as long as it takes; until one has joined, health says why. */
  async function supervise(): Promise<void> {
    while (!signal.aborted) {
      const error = await session.over
      if (signal.aborted) return
      // A coordinator that is moving or still loading is no news, unless it stays so.
      if (!isPassing(error) || rejoins >= PASSING_REJOINS) report(error)
      await session[Symbol.asyncDispose]()
      await pause(delayMs(++rejoins, MAX_REJOIN_DELAY_MS))
      if (!signal.aborted) session = open()
    }
  }

  function report(error: unknown): void {
    failing = `the consumer of ${subscription.topic} cannot go on: ${messageOf(rootOf(error))}`
    subscription.onError(logUnavailable(`The consumer of ${subscription.topic} is restarted`, error))
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const batch = inbox.take()
      if (batch.length === 0) {
        await somethingCame()
        continue
      }
      session.resume()
      await deliverBatch(batch)
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
  async function deliverBatch(batch: readonly LogRecord[]): Promise<void> {
    const of = session
    const { epoch } = of
    const isOurs = () => session === of && of.epoch === epoch
    for (let failures = 1; ; failures++) {
      try {
        await subscription.onBatch(batch, signal)
        break
      } catch (error) {
        subscription.onError(error)
        if (signal.aborted) return
        await pause(delayMs(failures, MAX_REDELIVERY_DELAY_MS))
        if (signal.aborted || !isOurs()) return
      }
    }
    if (!isOurs()) return
    for (const { partition, offset } of batch) uncommitted.set(partition, offset + 1)
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
        await pause(delayMs(failures, MAX_REDELIVERY_DELAY_MS))
      }
    }
  }

  async function pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  return {
    get failing() {
      return failing
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await running
      await committing
      await session[Symbol.asyncDispose]()
      await supervising
    },
  }
}

/** Doubles from 100 ms to `maxMs`; half of it is jitter. `failures` counts from 1. */
function delayMs(failures: number, maxMs: number): number {
  return Math.min(maxMs, FIRST_DELAY_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
}
