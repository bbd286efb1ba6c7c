import { OrderError } from '../domain/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { classify, type Failure } from './failure.ts'
import type { PipelineEmitter } from './pipeline-events.ts'
import { backoffAfter, PROBE_BACKOFF } from './retry-policy.ts'

export interface HoldOptions {
  readonly clock: Clock
  readonly events: PipelineEmitter
  readonly of: 'store' | 'log'
  readonly signal: AbortSignal
  /**
   * Unix time in ms. A hold that would exceed the deadline rejects, and the trigger's retry policy redelivers the
   * batch.
   */
  readonly deadline: number
}

/**
 * The longest time for which an invocation holds a batch. The hold must end before the host assumes that the process is
 * dead.
 */
export const MAX_HOLD_MS = 5 * 60_000

/**
 * Repeats `work` for as long as an outage makes it fail. Meanwhile nothing is committed or dead-lettered, and the batch
 * stays where it is. Rejects with any other failure, and when an outage outlasts `deadline`. Every `outage:began` is
 * followed by `outage:ended`, or by `hold:ended` if the promise rejects.
 */
export async function holdThroughOutage<T>(work: () => Promise<T>, options: HoldOptions): Promise<T> {
  const { clock, events, of, signal, deadline } = options
  let beganAt: number | undefined
  try {
    for (let probe = 1; ; probe += 1) {
      try {
        const result = await work()
        if (beganAt !== undefined) events.emit('outage:ended', { of, durationMs: clock.now() - beganAt })
        return result
      } catch (error) {
        const failure = classify(error)
        if (failure.class !== 'outage') throw error
        if (beganAt === undefined) {
          beganAt = clock.now()
          events.emit('outage:began', { of, cause: failure.cause, error })
        }
        const waitMs = backoffAfter(error, PROBE_BACKOFF, probe, clock.random)
        if (clock.now() + waitMs > deadline) throw heldTooLong(failure)
        await clock.sleep(waitMs, signal)
      }
    }
  } catch (error) {
    if (beganAt !== undefined) events.emit('hold:ended', { of })
    throw error
  }
}

const LOG_CODES: ReadonlySet<string> = new Set(['log-unavailable', 'log-full', 'clock-wrong'])

function heldTooLong(failure: Failure): OrderError {
  return new OrderError(
    LOG_CODES.has(failure.cause.code) ? 'log-unavailable' : 'store-unavailable',
    `The batch was held for ${MAX_HOLD_MS / 60_000} minutes and is now given back, to be delivered again: ${failure.cause.detail}`,
    { retriable: true, cause: failure.error },
  )
}
