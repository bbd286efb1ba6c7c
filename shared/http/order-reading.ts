import type { HttpRequest } from '@azure/functions'
import { OrderError } from '../domain/errors.ts'
import { issuedAt, type OrderIds } from '../domain/order-id.ts'
import { initialState } from '../domain/order.ts'
import { isFinal, type Cause, type OrderView } from '../domain/order-view.ts'

/** The longest that a caller is told to stay away from a pending order, in seconds. */
const MAX_RETRY_AFTER_SECONDS = 60

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** Any UUID: those that we never issue, such as ones of version 4, are a question with an answer, which is 404. */
export function orderIdIn(request: HttpRequest): string {
  const orderId = (request.params['orderId'] ?? '').toLowerCase()
  if (UUID.test(orderId)) return orderId
  throw new OrderError('invalid-request', 'The path does not hold an order id.', {
    violations: [{ pointer: 'orderId', detail: 'must be a UUID as POST /api/orders gave it' }],
  })
}

/**
 * An order that the store has not seen yet, with the cause where there is one. Throws `order-not-found` for an id that
 * was never issued; then nobody is asked for a cause.
 */
export function unseenOrder(
  orderId: string,
  orderIds: OrderIds,
  whyUnseen: (orderId: string) => Cause | undefined = () => undefined,
): OrderView {
  if (!orderIds.isIssued(orderId)) throw new OrderError('order-not-found', 'No order has this id.')
  const acceptedAt = issuedAt(orderId)
  const cause = whyUnseen(orderId)
  return {
    ...initialState(orderId),
    ...(acceptedAt !== undefined && { acceptedAt: acceptedAt.toISOString() }),
    ...(cause !== undefined && { cause }),
  }
}

/** When to ask again, while asking again makes sense. */
export function pendingHeaders(view: OrderView): Record<string, string> {
  if (isFinal(view)) return {}
  const dueInMs = view.nextAttemptAt === undefined ? 0 : Date.parse(view.nextAttemptAt) - Date.now()
  const seconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(dueInMs / 1000)))
  return { 'retry-after': String(seconds) }
}
