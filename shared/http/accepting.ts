import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpRequest } from '@azure/functions'
import type { AcceptOptions } from '../application/orders/once-per-key.ts'
import type { WaitUntilSettled } from '../application/orders/wait-until-settled.ts'
import { isOrderError } from '../domain/errors.ts'
import { isTraceparent, isTracestate } from '../messaging/records/traceparent.ts'
import { idempotencyKeyOf } from './protocol/preferences.ts'

/** What requests that are accepted into the log have in common, whether they place an order or change one. */

/** A store that answers late, but answers, has the last word. */
const GRACE_MS = 500

/** Throws `invalid-request` for a malformed Idempotency-Key. */
export function acceptOptionsOf(request: HttpRequest): AcceptOptions {
  const idempotencyKey = idempotencyKeyOf(request)
  const traceparent = request.headers.get('traceparent') ?? ''
  const tracestate = request.headers.get('tracestate') ?? ''
  return {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(isTraceparent(traceparent) && { traceparent, ...(isTracestate(tracestate) && { tracestate }) }),
  }
}

/**
 * The state of what was accepted, whatever becomes of waiting: a store that cannot be asked makes no error of it, and one
 * that does not answer makes nobody wait longer than was asked for.
 */
export async function ifSettled<View>(
  wait: WaitUntilSettled<View>,
  id: string,
  waitMs: number,
): Promise<View | undefined> {
  const answered = new AbortController()
  try {
    const tooLate = sleep(waitMs + GRACE_MS, undefined, { signal: answered.signal })
    return await Promise.race([wait(id, waitMs), tooLate])
  } catch (error) {
    if (isOrderError(error) && error.retriable) return undefined
    throw error
  } finally {
    answered.abort()
  }
}
