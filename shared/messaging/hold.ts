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
  /** When this invocation has held long enough: it then throws, and the trigger's retry policy delivers again. */
  readonly deadline: number
}

/** No invocation holds longer: the host must see it end before it takes the process for dead. */
export const MAX_HOLD_MS = 5 * 60_000

/**
 * Does `work` until it succeeds, as long as it fails by an outage. Nothing is committed and nothing dead-lettered
 * meanwhile: the batch waits where it is. Any other failure is thrown on, and so is an outage that outlasts `deadline`.
 */
export async function holdThroughOutage<T>(work: () => Promise<T>, options: HoldOptions): Promise<T> {
  const { clock, events, of, signal, deadline } = options
  let beganAt: number | undefined
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
}

const LOG_CODES: ReadonlySet<string> = new Set(['log-unavailable', 'log-full', 'clock-wrong'])

function heldTooLong(failure: Failure): OrderError {
  return new OrderError(
    LOG_CODES.has(failure.cause.code) ? 'log-unavailable' : 'store-unavailable',
    `Held for ${MAX_HOLD_MS / 60_000} minutes and gives the batch back to be delivered again: ${failure.cause.detail}`,
    { retriable: true, cause: failure.error },
  )
}
