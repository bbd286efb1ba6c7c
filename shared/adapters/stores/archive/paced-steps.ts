import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Limits for the number of orders in one transaction. The limits are small, because storing has to wait while such a
 * transaction runs.
 */
const FEWEST = 5
const MOST = 25
/** How long a transaction should take. If one takes longer, the next one contains fewer orders. */
const AIM_MS = 10
const LONGEST_PAUSE_MS = 1000

interface Pace {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}
const REAL: Pace = { now: () => performance.now(), sleep: (ms) => sleep(ms) }

/**
 * Passes the orders to `step` in small groups, one after the other. Pauses after each step for as long as that step
 * took, up to a second. Archiving therefore uses about half of the store's time, or less if the store is busy, and
 * takes at most about twice as long as without the pauses.
 */
export async function inPacedSteps<T>(
  orders: readonly T[],
  step: (some: readonly T[]) => Promise<void>,
  { now, sleep: pause }: Pace = REAL,
): Promise<void> {
  let size = FEWEST
  for (let start = 0; start < orders.length;) {
    const some = orders.slice(start, start + size)
    start += some.length
    const began = now()
    await step(some)
    const took = Math.max(now() - began, 1)
    size = Math.min(MOST, Math.max(FEWEST, Math.round((some.length * AIM_MS) / took)))
    if (start < orders.length) await pause(Math.min(took, LONGEST_PAUSE_MS))
  }
}
