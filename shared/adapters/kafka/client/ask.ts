import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing, kafkaUnavailable } from './errors.ts'
import { backoffMs, within } from '../../../threads/waiting.ts'

const MAX_ATTEMPTS = 5
const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 1000

/**
 * Asks again while a leader or coordinator is moving, for at most `timeoutMs`. Each attempt should start with new
 * connections. Rejects with `log-unavailable`.
 */
export async function askPatiently<T>(timeoutMs: number, doing: string, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let attempts = 1; ; attempts++) {
    try {
      return await within(deadline - performance.now(), doing, attempt())
    } catch (error) {
      const waitMs = backoffMs(attempts, FIRST_BACKOFF_MS, MAX_BACKOFF_MS)
      const hopeless = !isPassing(error) || attempts === MAX_ATTEMPTS || performance.now() + waitMs > deadline
      if (hopeless) throw kafkaUnavailable(`${doing} failed`, error)
      await sleep(waitMs)
    }
  }
}
