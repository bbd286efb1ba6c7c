import { OrderError } from '../../domain/errors.ts'
import { knownTime, nearestSafeInteger } from '../../domain/times.ts'
import type { DeadLetter, DeadLetterState } from '../../ports/dead-letters.ts'
import type { ParkedRecord } from '../../ports/order-store.ts'

/**
 * Replaces those timestamps and numbers of the letter that the columns cannot hold. Anyone can write headers, so an
 * unreadable timestamp becomes `now`, and a number outside the range of safe integers becomes the nearest safe integer.
 */
export function withStorableFigures(letter: DeadLetter, now: string): DeadLetter {
  return {
    ...letter,
    attempts: nearestSafeInteger(letter.attempts),
    firstFailedAt: timeOr(letter.firstFailedAt, now),
    lastFailedAt: timeOr(letter.lastFailedAt, now),
    recordTimestamp: nearestSafeInteger(letter.recordTimestamp),
  }
}

/**
 * Converts a letter from `withStorableFigures` to a parked record in the state `dead`. If the consumer that parked the
 * record has yet to update the ledger, it will find this row, so the order's history gets only one entry.
 */
export function toParkedRecord(letter: DeadLetter): ParkedRecord {
  const { origin, orderId, attempts, lastCause, redriveOf, change } = letter
  return {
    origin,
    orderId,
    state: 'dead',
    attempt: attempts,
    maxAttempts: attempts,
    nextAttemptAt: null,
    cause: lastCause,
    acceptedAt: timeOr(letter.recordTimestamp, letter.lastFailedAt),
    order: null,
    redriveOf,
    ...(change !== undefined && { change: { ...change, change: null, idempotencyKeyHash: null } }),
  }
}

/**
 * When the letter's record was accepted: the event's time or, if that is missing or unreadable, the record's timestamp.
 * A redrive keeps the event's time.
 */
export function letterAcceptedAt({
  headers,
  recordTimestamp,
}: Pick<DeadLetter, 'headers' | 'recordTimestamp'>): number {
  const time = headers.findLast(([name]) => name === 'ce_time')?.[1]
  const ms = time == null ? Number.NaN : Date.parse(Buffer.from(time).toString('utf8'))
  return Number.isNaN(ms) ? recordTimestamp : ms
}

export function toHeadersJson({ headers }: Pick<DeadLetter, 'headers'>): string {
  return JSON.stringify(headers.map(([name, value]) => [name, value && Buffer.from(value).toString('base64')]))
}

export function letterNotFound(): OrderError {
  return new OrderError('dead-letter-not-found', 'No dead letter has this id, or it was settled and has been removed.')
}

export function wrongLetterState(state: DeadLetterState, wanted: DeadLetterState): OrderError {
  return new OrderError('conflict', `The dead letter is ${state}, not ${wanted}.`)
}

export function orderOfLetterArchived(): OrderError {
  return new OrderError('conflict', "The dead letter's order is archived: restore the order first.")
}

export function changeNotEditable(): OrderError {
  const remedy = 'Discard it instead, and send another change to the order.'
  return new OrderError('conflict', `The dead letter belongs to a change, and changes cannot be edited. ${remedy}`)
}

export function changeNotDiscardable(): OrderError {
  const detail =
    'The change is not waiting, or it waits for an earlier event of its order that is in the store. Act on that event.'
  return new OrderError('conflict', detail)
}

function timeOr(time: string | number, otherwise: string): string {
  const known = knownTime(typeof time === 'string' ? Date.parse(time) : time)
  return known === undefined ? otherwise : new Date(known).toISOString()
}
