import { setTimeout } from 'node:timers/promises'
import type { HttpRequest } from '@azure/functions'
import { answeredInTime } from '../application/orders/answered-in-time.ts'
import type { AcceptOptions } from '../application/orders/once-per-key.ts'
import type { WaitUntilSettled } from '../application/orders/wait-until-settled.ts'
import { isTraceparent, isTracestate } from '../messaging/records/traceparent.ts'
import { idempotencyKeyOf, preferenceApplied } from './protocol/preferences.ts'

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

/** The headers of the answer: where to find what was accepted, how long the caller waited, and whether it was a repeat. */
export function acceptedHeaders(
  location: string,
  waitedSeconds: number,
  { replayed }: { readonly replayed?: true },
): Record<string, string> {
  return { location, ...preferenceApplied(waitedSeconds), ...(replayed && { 'idempotent-replayed': 'true' }) }
}

const timers = { sleep: (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }) }

/**
 * The state of what was accepted, whatever becomes of waiting: a store that cannot be asked makes no error of it, and one
 * that does not answer makes nobody wait longer than was asked for.
 */
export function ifSettled<View>(wait: WaitUntilSettled<View>, id: string, waitMs: number): Promise<View | undefined> {
  return answeredInTime(() => wait(id, waitMs), timers, waitMs + GRACE_MS)
}
