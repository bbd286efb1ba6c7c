import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenStore } from '../store-fixtures.ts'

/** An empty store that two processes have open, and a third connection that locks rows of it. */
export interface SharedStore extends AsyncDisposable {
  readonly one: OpenStore
  readonly other: OpenStore
  /** Whether this many calls wait for a locked row. A store that cannot tell waits long enough and returns true. */
  areWaiting(calls: number): Promise<boolean>
  /** Locks the rows that this UPDATE matches until `work` has returned. */
  hold(update: string, work: () => Promise<void>): Promise<void>
}

/** A call that is not waiting after this time may never wait. The test still passes; the two calls just do not meet. */
const MEET_MS = 30_000
const LOOK_MS = 50

/**
 * Starts these calls one after another. Each starts once the call before it waits for a row that the update `held`
 * locks, or for a row that another of these calls has locked.
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
