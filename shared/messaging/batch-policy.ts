import { OrderError } from '../domain/errors.ts'
import type { Failure } from './failure.ts'
import {
  backoffAfter,
  backoffMs,
  IN_PLACE_ATTEMPTS,
  IN_PLACE_BACKOFF,
  IN_PLACE_BUDGET_MS,
  PROBE_BACKOFF,
} from './retry-policy.ts'

/** Why a batch could not be stored yet. */
export type Setback<Blamed extends { readonly failure: Failure }> =
  /** The transaction failed, and no particular order is known to be the cause. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** These orders cannot be stored. Empty if none could be identified because the store was busy. */
  | { readonly kind: 'blamed'; readonly blamed: readonly Blamed[] }

/** How often the batch has been attempted and held. */
export interface BatchHistory {
  /** The attempt number, from 1. The count restarts when an order is removed from the batch or the batch is held. */
  readonly attempt: number
  /** When the first of these attempts began, in Unix time (ms). */
  readonly attemptsBeganAt: number
  /** How many times the batch was held because every order in it failed. */
  readonly holds: number
  /** The number of consecutive batches, including this one, that failed as a whole (`failsAsAWhole`). */
  readonly failedInARow: number
}

export type BatchStep<Blamed extends { readonly failure: Failure }> =
  /** Store the same batch again after the wait. */
  | { readonly kind: 'store'; readonly waitMs: number; readonly failure: Failure }
  /** The attempts are used up: find the orders that make the batch fail. */
  | { readonly kind: 'find-culprits'; readonly failure: Failure }
  /** Send these orders to a retry topic or the dead-letter topic, then store the rest. */
  | { readonly kind: 'park'; readonly blamed: readonly Blamed[] }
  /** No order is at fault: park nothing, wait, and store the batch again. */
  | { readonly kind: 'hold'; readonly waitMs: number; readonly failure: Failure }
  /** Reject the invocation, so that the trigger delivers the batch again. */
  | { readonly kind: 'give-back'; readonly error: unknown }

/** Decides how to proceed with a batch that could not be stored. */
export function decideBatch<Blamed extends { readonly failure: Failure }>(
  setback: Setback<Blamed>,
  { attempt, attemptsBeganAt, holds, failedInARow }: BatchHistory,
  limits: { nowMs: number; deadline: number; isStopping: boolean; random: () => number },
): BatchStep<Blamed> {
  const { nowMs, deadline, isStopping, random } = limits
  if (setback.kind === 'failed') {
    const { failure } = setback
    const { error } = failure
    // In an outage, the batch has already been held for as long as an invocation may last.
    if (failure.class === 'outage' || isStopping) return { kind: 'give-back', error }
    const waitMs = backoffAfter(error, IN_PLACE_BACKOFF, attempt, random)
    const isInBudget = attempt < IN_PLACE_ATTEMPTS && nowMs + waitMs - attemptsBeganAt <= IN_PLACE_BUDGET_MS
    if (failure.class !== 'poison' && isInBudget) return { kind: 'store', waitMs, failure }
    return nowMs > deadline ? { kind: 'give-back', error } : { kind: 'find-culprits', failure }
  }
  const { blamed } = setback
  const [first] = blamed
  if (first === undefined || failedInARow < 2) return { kind: 'park', blamed }
  const waitMs = backoffMs(PROBE_BACKOFF, holds + 1, random)
  if (nowMs + waitMs <= deadline) return { kind: 'hold', waitMs, failure: first.failure }
  const detail = 'Every order in two consecutive batches failed, so the second batch is given back.'
  return {
    kind: 'give-back',
    error: new OrderError('internal', detail, { retriable: true, cause: first.failure.error }),
  }
}

/**
 * Whether every order in the batch fails although none of them is poison. If two consecutive batches fail like this, no
 * order is at fault. A batch with a single order never counts, because it says nothing about other orders. A bug does
 * not count while a retry topic is processed, because such a topic holds only orders that have already failed.
 * Otherwise a few bad orders would hold up every good order in their tier. A bug in the code that decides changes never
 * counts either, because parking the change is always safe: the change waits in the store.
 */
export function failsAsAWhole(
  blamed: readonly { readonly failure: Failure }[],
  orders: number,
  delivered: 'origin' | 'copy',
): boolean {
  const isShared = ({ class: kind, cause }: Failure) =>
    kind === 'transient' || (kind === 'bug' && delivered === 'origin' && cause.code !== 'change-not-decided')
  return orders > 1 && blamed.length === orders && blamed.every(({ failure }) => isShared(failure))
}
