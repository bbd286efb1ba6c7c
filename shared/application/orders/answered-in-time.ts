import { isOrderError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'

/** How long a request that needs the log alone looks something up. After that the store counts as unavailable. */
const LOOK_UP_MS = 1000

/**
 * What the store answers, or `undefined` if it is unavailable or takes longer than `withinMs`: accepting needs the log
 * alone, so nothing is refused because of the store.
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

/** The answer, or `undefined` if it failed in a way that may pass. */
export async function ifAvailable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isOrderError(error) && error.retriable) return undefined
    throw error
  }
}
