import { isOrderError } from '../domain/errors.ts'
import type { FailureClass } from './failure.ts'
import type { RetryTier } from './topics.ts'

/**
 * The rules for retries. The functions are pure: time and randomness are arguments, so that tests can
 * control them.
 */
export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  readonly multiplier: number
}

/** The backoff between in-place attempts. It is short, because the whole batch waits. */
export const IN_PLACE_BACKOFF: Backoff = { initialMs: 50, maxMs: 2000, multiplier: 3 }
/**
 * The maximum number of in-place attempts, including the first, and the time limit for all of them. The limit leaves
 * room for one wait of 10 s, which Azure may request.
 */
export const IN_PLACE_ATTEMPTS = 4
export const IN_PLACE_BUDGET_MS = 15_000

/** The backoff between probes of an unavailable store or log. */
export const PROBE_BACKOFF: Backoff = { initialMs: 100, maxMs: 5000, multiplier: 2 }

/** Full jitter (Brooker, "Exponential Backoff And Jitter"): anywhere between zero and the exponential bound. */
export function backoffMs(backoff: Backoff, attempt: number, random: () => number): number {
  const bound = Math.min(backoff.maxMs, backoff.initialMs * backoff.multiplier ** (attempt - 1))
  return Math.round(bound * random())
}

/** Adds the wait that the failure itself requests, plus some jitter, so that clients do not all retry at once. */
export function backoffAfter(failure: unknown, backoff: Backoff, attempt: number, random: () => number): number {
  const advisedMs = isOrderError(failure) ? (failure.retryAfterSeconds ?? 0) * 1000 : 0
  return advisedMs + backoffMs(backoff, attempt, random)
}

export type Destination =
  | { readonly kind: 'retry'; readonly tier: RetryTier; readonly notBefore: number }
  | { readonly kind: 'dead-letter' }

/**
 * Where a record goes if it could not be stored. `attempt` is the number of the delivery that has just failed: 1 in the
 * orders topic, and one more for each retry tier.
 */
export function decideDestination(
  failureClass: FailureClass,
  attempt: number,
  tiers: readonly RetryTier[],
  nowMs: number,
): Destination {
  const tier = failureClass === 'poison' ? undefined : tiers[attempt - 1]
  return tier === undefined ? { kind: 'dead-letter' } : { kind: 'retry', tier, notBefore: nowMs + tier.delayMs }
}
