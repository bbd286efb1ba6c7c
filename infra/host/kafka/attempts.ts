import type { RetryContext } from '@azure/functions'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../shared/domain/errors.ts'
import { retryDelays } from './retry-policy.ts'
import type { RpcRetryOptions } from '../functions/rpc.ts'

export interface AttemptOptions {
  /** The function's `retry` policy. */
  readonly policy: RpcRetryOptions | undefined
  /** From host.json's extensions.kafka, like `maxRetries`. */
  readonly commitOnFailure: boolean
  readonly maxRetries: number
  readonly random: () => number
  /**
   * Called after each failed attempt, unless `signal` has aborted. `delayMs` is the wait before the next attempt, or
   * undefined after the policy's last attempt.
   */
  readonly onFailure: (error: unknown, delayMs: number | undefined) => void
  /** Called when records are skipped because the function failed. */
  readonly onGivenUp: (error: unknown) => void
}

export type Attempt = (retryContext: RetryContext | undefined) => Promise<void>

/**
 * Repeats a delivery until it succeeds or its retries are used up, following the runtime's rules. The policy's attempts
 * come first, with the policy's delays. Without commitOnFailure, these attempts are repeated `maxRetries` times (-1
 * means forever) without a delay. Resolves when the records may be committed: after a success, or after giving up.
 * Rejects only if `signal` aborts: at once between attempts, otherwise when the attempt in flight fails. The records
 * are then delivered again.
 */
export async function deliver(attempt: Attempt, options: AttemptOptions, signal: AbortSignal): Promise<void> {
  const { commitOnFailure, maxRetries, onGivenUp } = options
  for (let round = 0; ; round += 1) {
    const failure = await attemptWithPolicy(attempt, options, signal)
    if (failure === undefined) return
    if (commitOnFailure || (maxRetries !== -1 && round >= maxRetries)) {
      onGivenUp(failure.error)
      return
    }
    // A function that always fails immediately must not block the event loop.
    await sleep(0)
    signal.throwIfAborted()
  }
}

async function attemptWithPolicy(
  attempt: Attempt,
  { policy, random, onFailure }: AttemptOptions,
  signal: AbortSignal,
): Promise<{ error: unknown } | undefined> {
  const delays = policy === undefined ? undefined : retryDelays(policy, random)
  let exception: RetryContext['exception']
  for (let retryCount = 0; ; retryCount += 1) {
    signal.throwIfAborted()
    try {
      const withCause = exception === undefined ? {} : { exception }
      await attempt(policy && { retryCount, maxRetryCount: policy.maxRetryCount, ...withCause })
      return undefined
    } catch (error) {
      // The function gave its batch back because the process is stopping, so nothing is wrong.
      if (signal.aborted) throw error
      const isLast = policy === undefined || (policy.maxRetryCount !== -1 && retryCount >= policy.maxRetryCount)
      const delayMs = isLast ? undefined : delays?.next().value
      onFailure(error, delayMs)
      if (delayMs === undefined) return { error }
      await sleep(delayMs, undefined, { signal })
      const stackTrace = error instanceof Error ? (error.stack ?? '') : ''
      exception = { message: messageOf(error), stackTrace, source: '' }
    }
  }
}
