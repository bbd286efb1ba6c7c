import { setTimeout } from 'node:timers/promises'
import type { HttpRequest } from '@azure/functions'
import { answeredInTime } from '../application/orders/answered-in-time.ts'
import type { AcceptOptions } from '../application/orders/once-per-key.ts'
import type { WaitUntilSettled } from '../application/orders/wait-until-settled.ts'
import { isTraceparent, isTracestate } from '../messaging/records/traceparent.ts'
import type { OrderViews } from '../ports/order-views.ts'
import { idempotencyKeyOf, preferenceApplied } from './protocol/preferences.ts'

/** What is common to all requests that are accepted into the log, whether they place an order or change one. */

/** How much longer than requested to wait for a store that is slow to respond. */
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
 * The response headers: the location of the accepted order or change, how long the caller waited, and whether the
 * request was a repeat.
 */
export function acceptedHeaders(
  location: string,
  waitedSeconds: number,
  { replayed }: { readonly replayed?: true },
): Record<string, string> {
  return { location, ...preferenceApplied(waitedSeconds), ...(replayed && { 'idempotent-replayed': 'true' }) }
}

const timers = { sleep: (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }) }

/**
 * Waits, unless the request is a repeat and its order is archived, because the state of an archived order is final.
 * Only a repeated request can concern an archived order, so other requests need no query.
 */
export function unlessArchived<View>(
  wait: WaitUntilSettled<View>,
  orderId: string,
  { replayed }: { readonly replayed?: true },
  views: Pick<OrderViews, 'archivedAt'>,
): WaitUntilSettled<View> {
  if (replayed === undefined) return wait
  return async (id, waitMs) => ((await views.archivedAt(orderId)) === undefined ? wait(id, waitMs) : undefined)
}

/**
 * The state of the accepted order or change; undefined if the store does not return it in time. An unavailable store
 * causes no error, and an unresponsive store prolongs the wait by no more than the grace period.
 */
export function ifSettled<View>(wait: WaitUntilSettled<View>, id: string, waitMs: number): Promise<View | undefined> {
  return answeredInTime(() => wait(id, waitMs), timers, waitMs + GRACE_MS)
}
