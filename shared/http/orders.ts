import type { HttpRequest } from '@azure/functions'
import { z } from 'zod'
import type { WhyUnseen } from '../application/orders/why-unseen.ts'
import { OrderError } from '../domain/errors.ts'
import { CURRENCIES, PAYMENT_METHODS } from '../domain/order-choices.ts'
import { issuedAt, type OrderIds } from '../domain/order-id.ts'
import { initialState } from '../domain/order.ts'
import { isFinal, STORE_STATUSES, type HistoryEntry, type OrderView } from '../domain/order-view.ts'
import { filledText } from '../domain/validation/text.ts'
import { from, pageQuery, searchText, to, wholeNumber } from './protocol/query.ts'
import { oneOf } from './protocol/validated.ts'

const KNOWN_STATUSES = `must be one of ${STORE_STATUSES.join(', ')}`
/** Why `accepted` is refused as a filter: an empty list would suggest that no order is waiting. */
const WHY_NOT_ACCEPTED =
  'orders that are accepted but not processed yet are in the log, and lists come from the store. ' +
  'Ask for one of them at GET /api/orders/{orderId}; operators see how many there are at GET /api/ops/status'

const status = z
  .enum(STORE_STATUSES, {
    error: ({ input }) => (input === 'accepted' ? `${KNOWN_STATUSES}: ${WHY_NOT_ACCEPTED}` : KNOWN_STATUSES),
  })
  .describe(
    'Orders with this status. Default: all stored orders, including cancelled ones. `accepted` is refused, because accepted orders are only in the log: ask for one by its id.',
  )

/** The parameters of GET /api/orders. */
export const listQuery = z.object({
  ...pageQuery,
  customerId: z.exactOptional(wholeNumber(1, Number.MAX_SAFE_INTEGER).describe('Orders of this customer.')),
  status: z.exactOptional(status),
  currency: z.exactOptional(oneOf(CURRENCIES).describe('Orders whose total is in this currency.')),
  paymentMethod: z.exactOptional(oneOf(PAYMENT_METHODS).describe('Orders with this payment method.')),
  reference: z.exactOptional(filledText(100).describe('Orders with exactly this reference.')),
  from: z.exactOptional(from),
  to: z.exactOptional(to),
  q: z.exactOptional(searchText),
})

/** The parameters of GET /api/orders/search. */
export const searchQuery = z.object({ q: searchText, ...pageQuery })

/** The parameters of the original application's search, which has the text in the path. */
export const customerSearchQuery = searchQuery.omit({ q: true })

/** The longest Retry-After for a pending order, in seconds. */
const MAX_RETRY_AFTER_SECONDS = 60

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** Accepts any UUID. A UUID that we never issue, such as a version 4 UUID, is valid and leads to a 404. */
export function orderIdIn(request: HttpRequest): string {
  const orderId = uuidIn(request, 'orderId')
  if (orderId !== undefined) return orderId
  throw new OrderError('invalid-request', 'The path does not contain an order id.', {
    violations: [{ pointer: 'orderId', detail: 'must be a UUID that POST /api/orders returned' }],
  })
}

/** Any UUID in the path, in lower case; undefined for anything else. */
export function uuidIn(request: HttpRequest, name: string): string | undefined {
  const id = (request.params[name] ?? '').toLowerCase()
  return UUID.test(id) ? id : undefined
}

/**
 * An order that the store has not seen, with the cause if it is or may be lost. Throws `order-not-found` for an id that
 * was never issued.
 */
export function unseenOrder(orderId: string, orderIds: OrderIds, whyUnseen: WhyUnseen = () => undefined): OrderView {
  if (!orderIds.isIssued(orderId)) throw new OrderError('order-not-found', 'No order has this id.')
  const acceptedAt = issuedAt(orderId)
  const unseen = whyUnseen(orderId)
  return {
    ...initialState(orderId),
    ...(unseen?.isLost === true && { status: 'lost' }),
    ...(acceptedAt !== undefined && { acceptedAt: acceptedAt.toISOString() }),
    ...(unseen !== undefined && { cause: unseen.cause }),
  }
}

/**
 * The stored history. If the store has only changes to the order, or nothing, an entry for the acceptance is added at
 * the beginning. Throws `order-not-found` if nothing is stored and the id was never issued.
 */
export function withBeginning(
  orderId: string,
  known: readonly HistoryEntry[],
  orderIds: OrderIds,
): readonly HistoryEntry[] {
  const isOfOrder = known.some(({ changeId }) => changeId === undefined)
  if (isOfOrder || (known.length > 0 && !orderIds.isIssued(orderId))) return known
  const { acceptedAt } = unseenOrder(orderId, orderIds)
  return acceptedAt === undefined ? known : [{ at: acceptedAt, kind: 'accepted' }, ...known]
}

/** Retry-After, while the order is pending. */
export function pendingHeaders(view: OrderView): Record<string, string> {
  return isFinal(view) ? {} : askAgain(view)
}

/** When to poll again for an order or change that is not settled yet. */
export function askAgain({ nextAttemptAt }: Pick<OrderView, 'nextAttemptAt'>): Record<string, string> {
  const dueInMs = nextAttemptAt === undefined ? 0 : Date.parse(nextAttemptAt) - Date.now()
  const seconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(dueInMs / 1000)))
  return { 'retry-after': String(seconds) }
}

/** The version in an order's ETag, which `If-Match` refers to. An order that is not stored yet will have version 1. */
export function versionOf({ version = 1 }: OrderView): number {
  return version
}
