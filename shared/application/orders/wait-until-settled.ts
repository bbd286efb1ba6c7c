import type { Clock } from '../../ports/clock.ts'

/**
 * Resolves with the view once it is settled, or with the current view when the time is up (undefined if the store has
 * none yet). Rejects if the store is unavailable.
 */
export type WaitUntilSettled<View> = (id: string, waitMs: number) => Promise<View | undefined>

interface Waiter<View> {
  readonly until: number
  readonly resolve: (view: View | undefined) => void
  readonly reject: (error: unknown) => void
}

/** The maximum number of waiting callers. Further callers get the current state at once. */
const MAX_WAITING = 2000
const POLL_MS = 20
/** The maximum number of ids in one query: the read side's limit. */
const MAX_ASKED = 500

/** One poller per process and kind of view, with one query for all callers. It runs only while callers wait. */
export function createWaitUntilSettled<View extends object>(dependencies: {
  getMany: (ids: readonly string[]) => Promise<ReadonlyMap<string, View>>
  isSettled: (view: View) => boolean
  clock: Clock
  signal: AbortSignal
}): WaitUntilSettled<View> {
  const { getMany, isSettled, clock, signal } = dependencies
  const waiting = new Map<string, Set<Waiter<View>>>()
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
      const found = await getMany(ids)
      const now = clock.now()
      for (const id of ids) settle(id, found.get(id), now)
    } catch (error) {
      for (const id of ids) release(id, ({ reject }) => reject(error))
    }
  }

  function settle(id: string, view: View | undefined, now: number): void {
    const final = view !== undefined && isSettled(view)
    release(id, ({ resolve }) => resolve(view), final ? undefined : ({ until }) => until <= now)
  }

  function release(
    id: string,
    answer: (waiter: Waiter<View>) => void,
    which: (waiter: Waiter<View>) => boolean = () => true,
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

  /** Called when the process stops. All callers get `undefined`, without a query to the store. */
  function giveAllBack(): void {
    for (const id of waiting.keys()) release(id, ({ resolve }) => resolve(undefined))
  }

  return async function waitUntilSettled(id, waitMs) {
    if (count >= MAX_WAITING || signal.aborted) return (await getMany([id])).get(id)
    return new Promise((resolve, reject) => {
      const waiters = waiting.get(id) ?? new Set()
      waiting.set(id, waiters.add({ until: clock.now() + waitMs, resolve, reject }))
      count += 1
      if (!polling) void poll()
    })
  }
}
