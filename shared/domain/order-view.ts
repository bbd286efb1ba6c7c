import type { Metadata } from './metadata.ts'
import type { Currency, NewOrderCommand, PaymentMethod } from './order-commands.ts'

/**
 * The read model, as queries return it. Field names are the original application's; currencies and payment methods are
 * ISO codes and names; times are RFC 3339 in UTC.
 */

export const ORDER_STATUSES = ['accepted', 'retrying', 'stored', 'cancelled', 'dead-lettered', 'discarded'] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

/** The statuses in the store, by which lists can be filtered. Only the log knows that an order is `accepted`. */
export const STORE_STATUSES = [
  'retrying',
  'stored',
  'cancelled',
  'dead-lettered',
  'discarded',
] as const satisfies OrderStatus[]
export type StoreStatus = (typeof STORE_STATUSES)[number]

/** The reason for an order's status, in words for a caller. */
export interface Cause {
  readonly code: string
  readonly detail: string
}

/** The state of an order. Members other than `orderId` and `status` are present if they are known and apply. */
export interface OrderState {
  readonly orderId: string
  readonly status: OrderStatus
  readonly acceptedAt?: string
  readonly storedAt?: string
  /** How many events the stored order is made of: 1 if it was never changed. */
  readonly version?: number
  readonly cancelledAt?: string
  /** The caller's reason for the cancellation. */
  readonly cancellationReason?: string
  /** True if it was stored only after an operator's redrive. */
  readonly recovered?: boolean
  /** While retrying: the attempts so far, the most there will be, and when the next is due. */
  readonly attempt?: number
  readonly maxAttempts?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  readonly updatedAt?: string
}

/** Whether the order stays where it is unless somebody acts. */
export function isFinal({ status }: Pick<OrderState, 'status'>): boolean {
  return isInStore({ status }) || status === 'dead-lettered' || status === 'discarded'
}

/** Whether the order was stored, whatever its callers changed since. */
export function isInStore({ status }: Pick<OrderState, 'status'>): boolean {
  return status === 'stored' || status === 'cancelled'
}

export interface OrderItemView {
  readonly itemCode: string
  readonly brand: string
  readonly type: string
  readonly size: string
  readonly colour: string
  readonly quantity: number
  readonly price: number
  readonly currencyType: Currency
  readonly longDescription: string
}

export interface OrderContent {
  readonly customerId: number
  readonly customerName: string
  readonly customerLastName: string
  readonly customerFullName: string
  readonly customerEmail: string
  readonly shippingAddress: string
  readonly billingAddress: string
  readonly currencyType: Currency
  readonly totalPrice: number
  readonly paymentMethodType: PaymentMethod
  readonly orderItems: readonly OrderItemView[]
  /** As the caller gave them; absent if it did not. */
  readonly reference?: string
  readonly metadata?: Metadata
}

/** An order's state, with its content once that is known, which may be only when it is stored. */
export type OrderView = OrderState & Partial<OrderContent>

/** An item's name in search and on pages: brand, type, size and colour, as far as they are given. */
export function longDescription(item: { brand: string; type: string; size: string; colour: string }): string {
  return [item.brand, item.type, item.size, item.colour].filter((part) => part !== '').join(' ')
}

export function customerFullName(customer: { customerName: string; customerLastName: string }): string {
  return `${customer.customerName} ${customer.customerLastName}`
}

export function toOrderContent(order: NewOrderCommand): OrderContent {
  return {
    customerId: order.customerId,
    customerName: order.customerName,
    customerLastName: order.customerLastName,
    customerFullName: customerFullName(order),
    customerEmail: order.customerEmail,
    shippingAddress: order.shippingAddress,
    billingAddress: order.billingAddress,
    currencyType: order.currencyType,
    totalPrice: order.totalPrice,
    paymentMethodType: order.paymentMethodType,
    orderItems: order.orderItems.map((item) => ({ ...item, longDescription: longDescription(item) })),
    ...ownContent(order),
  }
}

/** The caller's own data about the order, as far as it is given. */
export function ownContent({ reference, metadata }: Pick<NewOrderCommand, 'reference' | 'metadata'>) {
  return { ...(reference !== undefined && { reference }), ...(metadata !== undefined && { metadata }) }
}

/** The kinds of entries in an order's history. */
export const HISTORY_KINDS = [
  'accepted',
  'attempt-failed',
  'stored',
  'dead-lettered',
  'redriven',
  'edited',
  'discarded',
  'restored',
  'change-waits',
  'amended',
  'cancelled',
  'change-rejected',
] as const
export type HistoryKind = (typeof HISTORY_KINDS)[number]

export interface HistoryEntry {
  readonly at: string
  readonly kind: HistoryKind
  readonly attempt?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  /** The operator's reason, for operators' acts. */
  readonly reason?: string
  /** The change that it happened to; absent if it happened to the order itself. */
  readonly changeId?: string
  /** The version that the change made. */
  readonly version?: number
}

/**
 * The history of an order: its acceptance, the failures and operators' acts before it was stored, its storing, and what
 * happened to its changes, each of these at its time. At equal times the order's own entries come first, and its acceptance
 * comes first of all, although the clock that gave its time may be ahead of the others.
 */
export function toHistory(
  { acceptedAt, storedAt }: Pick<OrderView, 'acceptedAt' | 'storedAt'>,
  between: readonly HistoryEntry[],
  ofChanges: readonly HistoryEntry[] = [],
): HistoryEntry[] {
  const rest = [...ofChanges]
  const accepted: HistoryEntry[] = acceptedAt === undefined ? [] : [{ at: acceptedAt, kind: 'accepted' }]
  const stored: HistoryEntry[] = storedAt === undefined ? [] : [{ at: storedAt, kind: 'stored' }]
  const own = [...between, ...stored].toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at))
  const merged = own.flatMap((entry) => {
    const earlier = rest.findIndex(({ at }) => at >= entry.at)
    return [...rest.splice(0, earlier === -1 ? rest.length : earlier), entry]
  })
  return [...accepted, ...merged, ...rest]
}
