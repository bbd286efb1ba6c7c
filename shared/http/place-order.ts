import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { AcceptedOrder, PlaceOrder } from '../application/orders/place-order.ts'
import type { WaitForOrder } from '../application/orders/wait-for-order.ts'
import { isOrderError } from '../domain/errors.ts'
import { newOrderCommandSchema } from '../domain/order-commands.ts'
import { isFinal, type OrderView } from '../domain/order-view.ts'
import { unknownMembers } from '../domain/unknown-members.ts'
import { isTraceparent, isTracestate } from '../messaging/records/traceparent.ts'
import { json } from './protocol/answer.ts'
import { readJson } from './protocol/json-body.ts'
import { idempotencyKeyOf, preferenceApplied, waitSeconds } from './protocol/preferences.ts'
import { validated } from './protocol/validated.ts'

/** The part of an answer that names members of the body that were left out. */
export interface Ignored {
  /** JSON pointers to unknown members, so that a misspelt one does not vanish silently; absent when there are none. */
  readonly ignored?: readonly string[]
}

/** A store that answers this much after the wait can still decide the answer. */
const GRACE_MS = 500

/**
 * Places the order in the request. The answer is 202 once the order is durable, or 201 if the caller waits and it is
 * stored in time.
 */
export async function placeOrder(
  request: HttpRequest,
  use: { placeOrder: PlaceOrder; waitForOrder: WaitForOrder },
): Promise<HttpResponseInit> {
  const idempotencyKey = idempotencyKeyOf(request)
  const body = await readJson(request)
  const command = validated(newOrderCommandSchema, body, 'invalid-order')
  const ignored = unknownMembers(body)
  const traceparent = request.headers.get('traceparent') ?? ''
  const tracestate = request.headers.get('tracestate') ?? ''
  const accepted = await use.placeOrder(command, {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(isTraceparent(traceparent) && { traceparent, ...(isTracestate(tracestate) && { tracestate }) }),
  })
  const location = `/api/orders/${accepted.orderId}`
  const wait = waitSeconds(request)
  const headers = {
    location,
    ...preferenceApplied(wait),
    ...(accepted.replayed && { 'idempotent-replayed': 'true' }),
  }
  const view = wait === 0 ? undefined : await known(use.waitForOrder, accepted.orderId, wait * 1000)
  if (view?.status === 'stored') return json(201, withIgnored(view, ignored), headers)
  return json(202, withIgnored(receipt(accepted, view), ignored), { ...headers, 'retry-after': '1' })
}

export function withIgnored<T extends object>(answer: T, ignored: readonly string[]): T & Ignored {
  return ignored.length === 0 ? answer : { ...answer, ignored }
}

/**
 * The order as the store knows it. The order is accepted in any case, so an unavailable store is not an error, and a store
 * that does not answer delays the answer by at most GRACE_MS.
 */
async function known(waitForOrder: WaitForOrder, orderId: string, waitMs: number): Promise<OrderView | undefined> {
  const answered = new AbortController()
  try {
    const tooLate = sleep(waitMs + GRACE_MS, undefined, { signal: answered.signal })
    return await Promise.race([waitForOrder(orderId, waitMs), tooLate])
  } catch (error) {
    if (isOrderError(error) && error.retriable) return undefined
    throw error
  } finally {
    answered.abort()
  }
}

function receipt({ orderId, acceptedAt }: AcceptedOrder, view: OrderView | undefined): OrderView {
  return view !== undefined && isFinal(view) ? view : { orderId, acceptedAt, status: 'accepted' }
}
