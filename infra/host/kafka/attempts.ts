import type { RetryContext } from '@azure/functions'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../shared/domain/errors.ts'
import { retryDelays } from './retry-policy.ts'
import type { RpcRetryOptions } from '../functions/rpc.ts'

export interface AttemptOptions {
  /** The function's `retry` policy. */
  readonly policy: RpcRetryOptions | undefined
  /** host.json's extensions.kafka. */
  readonly commitOnFailure: boolean
  readonly maxRetries: number
  readonly random: () => number
  /** Told of each attempt that failed; `delayMs` is the wait before the next, undefined when there is none. */
  readonly onFailure: (error: unknown, delayMs: number | undefined) => void
  /** Told when records are passed over although the function failed. */
  readonly onGivenUp: (error: unknown) => void
}

export type Attempt = (retryContext: RetryContext | undefined) => Promise<void>

/**
 * Runs a delivery until it succeeds or is given up, by the rules of the runtime: the policy's attempts, with its waits;
 * then, without commitOnFailure, the same again `maxRetries` times (-1: for ever), at once. Resolves when the records
 * may be committed, which includes that they are given up. Rejects, for them to be delivered again, only when `signal`
 * aborts: at once between attempts, else with the attempt in flight.
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
    // A function that fails at once, for ever, must not keep the process from everything else.
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
      const { maxRetryCount } = policy ?? {}
      const withCause = exception === undefined ? {} : { exception }
      await attempt(maxRetryCount === undefined ? undefined : { retryCount, maxRetryCount, ...withCause })
      return undefined
    } catch (error) {
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
