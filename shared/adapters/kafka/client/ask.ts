import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing, isUnknownTopic, kafkaUnavailable } from './errors.ts'
import { jitteredMs, within } from '../../../threads/waiting.ts'

/**
 * With the backoff below, the waits between seven attempts add up to about 2.5 s. A leader election takes less time.
 */
const MAX_ATTEMPTS = 7
const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 1000

/**
 * Retries while a leader or coordinator is moving or a topic is new, for at most `timeoutMs`. Each attempt should open
 * new connections. Rejects with `log-unavailable`.
 */
export async function askPatiently<T>(timeoutMs: number, doing: string, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let attempts = 1; ; attempts++) {
    try {
      return await within(deadline - performance.now(), doing, attempt())
    } catch (error) {
      const waitMs = jitteredMs(attempts, FIRST_BACKOFF_MS, MAX_BACKOFF_MS)
      const mayPass = isPassing(error) || isUnknownTopic(error)
      const hopeless = !mayPass || attempts === MAX_ATTEMPTS || performance.now() + waitMs > deadline
      if (hopeless) throw kafkaUnavailable(`${doing} failed`, error)
      await sleep(waitMs)
    }
  }
}
