import { isOrderError } from '../domain/errors.ts'
import { classify, type Failure } from './failure.ts'
import { holdThroughOutage, type Clock } from './hold.ts'
import type { PipelineEmitter } from './pipeline-events.ts'
import { backoffAfter, IN_PLACE_ATTEMPTS, IN_PLACE_BACKOFF, IN_PLACE_BUDGET_MS } from './retry-policy.ts'

export interface AttemptOptions {
  readonly clock: Clock
  readonly events: PipelineEmitter
  readonly signal: AbortSignal
  readonly deadline: number
  /** For the log line of an attempt that failed. */
  readonly topic: string
}

/**
 * Does `work` on the records, in place: again after a transient failure or a bug, with backoff and full jitter and
 * within a budget; through an outage for as long as it lasts. Rejects with the last failure when the attempts are used
 * up, and at once for poison.
 */
export async function attemptInPlace<T>(records: number, work: () => Promise<T>, options: AttemptOptions): Promise<T> {
  const { clock, events, signal, deadline, topic } = options
  const startedAt = clock.now()
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await holdThroughOutage(work, { clock, events, of: 'store', signal, deadline })
    } catch (error) {
      const failure = classify(error)
      // An outage that outlasted the hold is given back to the trigger, whatever attempts are left.
      if (failure.class === 'poison' || failure.class === 'outage' || signal.aborted) throw error
      const waitMs = backoffAfter(error, IN_PLACE_BACKOFF, attempt, clock.random)
      const overBudget = clock.now() + waitMs - startedAt > IN_PLACE_BUDGET_MS
      if (attempt >= IN_PLACE_ATTEMPTS || overBudget) throw error
      events.emit('attempt:failed', { topic, attempt, records, cause: failure.cause, error })
      await clock.sleep(waitMs, signal)
    }
  }
}

export interface Culprit<T> {
  readonly item: T
  readonly failure: Failure
}

/**
 * Which items make the work fail: halves the batch until each culprit stands alone. What is good is done on the way, so
 * `work` must be idempotent. An outage on the way is thrown on: nobody is a culprit then.
 */
export async function findCulprits<T>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<void>,
): Promise<Culprit<T>[]> {
  if (items.length === 0) return []
  try {
    await work(items)
    return []
  } catch (error) {
    const failure = classify(error)
    if (failure.class === 'outage' || (isOrderError(error) && error.code === 'shutting-down')) throw error
    const [only, ...others] = items
    if (only !== undefined && others.length === 0) return [{ item: only, failure }]
  }
  const middle = items.length >> 1
  return [...(await findCulprits(items.slice(0, middle), work)), ...(await findCulprits(items.slice(middle), work))]
}
