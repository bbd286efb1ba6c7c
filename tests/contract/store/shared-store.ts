import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenStore } from '../store-fixtures.ts'

/** An empty store that two processes have open, and a third connection that locks rows in it. */
export interface SharedStore extends AsyncDisposable {
  readonly one: OpenStore
  readonly other: OpenStore
  /**
   * Whether at least this many calls are waiting for locked rows. If the store cannot tell, waits long enough for the
   * calls to get as far as the locked rows, and returns true.
   */
  areWaiting(calls: number): Promise<boolean>
  /** Locks the rows that this UPDATE matches, and keeps them locked until `work` has finished. */
  hold(update: string, work: () => Promise<void>): Promise<void>
}

/** If a call is not waiting for a lock after this time, it may never wait for one, so the test continues. */
const MEET_MS = 30_000
const LOOK_MS = 50

/**
 * Starts these calls one after another, while the update `held` locks the rows that it matches. Each call starts once
 * the previous call has ended or is waiting for a row that is locked by that update or by another of these calls.
 */
export async function meet(
  shared: SharedStore,
  held: string,
  ...calls: (() => Promise<unknown>)[]
): Promise<PromiseSettledResult<unknown>[]> {
  const results: Promise<unknown>[] = []
  let pending = 0
  await shared.hold(held, async () => {
    for (const call of calls) {
      const giveUpAt = Date.now() + MEET_MS
      const result = call()
      results.push(result)
      pending += 1
      const hasEnded = Promise.allSettled([result]).then(() => {
        pending -= 1
        return true
      })
      const hasArrived = async () =>
        (await Promise.race([hasEnded, sleep(LOOK_MS, false)])) || (await shared.areWaiting(pending))
      while (Date.now() < giveUpAt && !(await hasArrived()));
    }
  })
  return Promise.allSettled(results)
}
