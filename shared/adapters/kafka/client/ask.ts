import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing, logUnavailable } from './errors.ts'
import { within } from './within.ts'

const MAX_ATTEMPTS = 5
const FIRST_BACKOFF_MS = 100

/**
 * Asks again while a leader or coordinator is moving, `timeoutMs` in all. Each attempt should start with connections
 * of its own. Rejects with `log-unavailable`.
 */
export async function askPatiently<T>(timeoutMs: number, doing: string, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let attempts = 1; ; attempts++) {
    try {
      return await within(deadline - performance.now(), doing, attempt())
    } catch (error) {
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempts - 1)
      const hopeless = !isPassing(error) || attempts === MAX_ATTEMPTS || performance.now() + backoffMs > deadline
      if (hopeless) throw logUnavailable(`${doing} failed`, error)
      await sleep(backoffMs)
    }
  }
}
