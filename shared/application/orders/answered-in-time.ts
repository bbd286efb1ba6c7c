import { isOrderError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'

/** How long a request that needs the log alone waits for the store. After that the store counts as unavailable. */
const LOOK_UP_MS = 1000

/**
 * What the store answers, or `undefined` if it is unavailable or takes longer than a second: accepting needs the log alone,
 * so nothing is refused because of the store.
 */
export async function answeredInTime<T>(ask: () => Promise<T>, clock: Pick<Clock, 'sleep'>): Promise<T | undefined> {
  const answered = new AbortController()
  try {
    const tooLate = clock.sleep(LOOK_UP_MS, answered.signal).then(() => undefined)
    return await Promise.race([ask(), tooLate])
  } catch (error) {
    if (isOrderError(error) && error.retriable) return undefined
    throw error
  } finally {
    answered.abort()
  }
}
