import { isFinal, type OrderView } from '../../domain/order-view.ts'
import type { Clock } from '../../ports/clock.ts'
import type { OrderViews } from '../../ports/order-views.ts'

/**
 * Resolves with the order once it is stored, dead-lettered or discarded, or else with its state when the time is up
 * (undefined if the store does not know it yet). Rejects if the store cannot be asked.
 */
export type WaitForOrder = (orderId: string, waitMs: number) => Promise<OrderView | undefined>

interface Waiter {
  readonly until: number
  readonly resolve: (view: OrderView | undefined) => void
  readonly reject: (error: unknown) => void
}

/** The most callers that wait. Any more are answered at once with the current state. */
const MAX_WAITING = 2000
const POLL_MS = 20
/** The most ids of one query, which is the limit of `OrderViews.getMany`. */
const MAX_ASKED = 500

/** One poller for each process, with one query for all callers; it runs only while somebody waits. */
export function createWaitForOrder(dependencies: {
  views: Pick<OrderViews, 'get' | 'getMany'>
  clock: Clock
  signal: AbortSignal
}): WaitForOrder {
  const { views, clock, signal } = dependencies
  const waiting = new Map<string, Set<Waiter>>()
  let polling = false
  let count = 0

  async function poll(): Promise<void> {
    polling = true
    while (waiting.size > 0) {
      const ids = [...waiting.keys()]
      for (let start = 0; start < ids.length; start += MAX_ASKED) await ask(ids.slice(start, start + MAX_ASKED))
      if (waiting.size > 0) await clock.sleep(POLL_MS, signal).catch(giveAllBack)
    }
    polling = false
  }

  async function ask(ids: readonly string[]): Promise<void> {
    try {
      const found = await views.getMany(ids)
      const now = clock.now()
      for (const id of ids) settle(id, found.get(id), now)
    } catch (error) {
      for (const id of ids) release(id, ({ reject }) => reject(error))
    }
  }

  function settle(id: string, view: OrderView | undefined, now: number): void {
    const final = view !== undefined && isFinal(view)
    release(id, ({ resolve }) => resolve(view), final ? undefined : ({ until }) => until <= now)
  }

  function release(
    id: string,
    answer: (waiter: Waiter) => void,
    which: (waiter: Waiter) => boolean = () => true,
  ): void {
    const waiters = waiting.get(id)
    for (const waiter of waiters ?? []) {
      if (!which(waiter)) continue
      waiters?.delete(waiter)
      count -= 1
      answer(waiter)
    }
    if (waiters?.size === 0) waiting.delete(id)
  }

  /** The process is stopping, so callers are answered without asking the store: with nothing. */
  function giveAllBack(): void {
    for (const id of waiting.keys()) release(id, ({ resolve }) => resolve(undefined))
  }

  return function waitForOrder(orderId, waitMs) {
    if (count >= MAX_WAITING || signal.aborted) return views.get(orderId)
    return new Promise((resolve, reject) => {
      const waiters = waiting.get(orderId) ?? new Set()
      waiting.set(orderId, waiters.add({ until: clock.now() + waitMs, resolve, reject }))
      count += 1
      if (!polling) void poll()
    })
  }
}
