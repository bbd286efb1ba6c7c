import { isOrderError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'

/**
 * How long a request that needs only the log waits for a lookup in the store. If the lookup takes longer, the store
 * counts as unavailable.
 */
const LOOK_UP_MS = 1000

/**
 * The store's result, or `undefined` if the store is unavailable or takes longer than `withinMs`. Accepting an order or
 * a change needs only the log, so no request is refused because of the store.
 */
export async function answeredInTime<T>(
  ask: () => Promise<T>,
  clock: Pick<Clock, 'sleep'>,
  withinMs = LOOK_UP_MS,
): Promise<T | undefined> {
  const answered = new AbortController()
  try {
    const tooLate = clock.sleep(withinMs, answered.signal).then(() => undefined)
    return await ifAvailable(Promise.race([ask(), tooLate]))
  } finally {
    answered.abort()
  }
}

/** The result, or `undefined` after a failure that may be temporary. */
export async function ifAvailable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isOrderError(error) && error.retriable) return undefined
    throw error
  }
}
