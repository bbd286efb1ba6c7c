import type { Metadata } from './metadata.ts'
import type { Currency, NewOrderCommand, PaymentMethod } from './order-commands.ts'

/**
 * The read model: what queries answer. Field names are the original application's; currencies and payment methods are
 * ISO codes and names; times are RFC 3339 in UTC.
 */

export const ORDER_STATUSES = ['accepted', 'retrying', 'stored', 'dead-lettered', 'discarded'] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

/** The statuses that the store knows of, so that lists can be asked for them: `accepted` alone is known to the log. */
export const STORE_STATUSES = ['retrying', 'stored', 'dead-lettered', 'discarded'] as const satisfies OrderStatus[]
export type StoreStatus = (typeof STORE_STATUSES)[number]

/** Why an order is where it is, in words that a caller can use. */
export interface Cause {
  readonly code: string
  readonly detail: string
}

/** Where an order stands. Everything but `orderId` and `status` is there when it is known and says something. */
export interface OrderState {
  readonly orderId: string
  readonly status: OrderStatus
  readonly acceptedAt?: string
  readonly storedAt?: string
  /** True when it was stored only after an operator's redrive. */
  readonly recovered?: boolean
  /** While retrying: the attempts made so far, the most there will be, and when the next is due. */
  readonly attempt?: number
  readonly maxAttempts?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  readonly updatedAt?: string
}

/** Whether the order stays where it is unless an operator acts. */
export function isFinal({ status }: Pick<OrderState, 'status'>): boolean {
  return status === 'stored' || status === 'dead-lettered' || status === 'discarded'
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
  /** As the caller gave them; absent when it did not. */
  readonly reference?: string
  readonly metadata?: Metadata
}

/** An order whose content is known; before it is stored only its state may be. */
export type OrderView = OrderState & Partial<OrderContent>

/** What an item is called in search and on the page: brand, type, size and colour, as far as they are given. */
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

/** What the caller gave an order for itself, as far as it did. */
export function ownContent({ reference, metadata }: Pick<NewOrderCommand, 'reference' | 'metadata'>) {
  return { ...(reference !== undefined && { reference }), ...(metadata !== undefined && { metadata }) }
}

/** What happened to an order, oldest first. */
export const HISTORY_KINDS = [
  'accepted',
  'attempt-failed',
  'stored',
  'dead-lettered',
  'redriven',
  'edited',
  'discarded',
  'restored',
] as const
export type HistoryKind = (typeof HISTORY_KINDS)[number]

export interface HistoryEntry {
  readonly at: string
  readonly kind: HistoryKind
  readonly attempt?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  /** An operator's reason, for what operators do. */
  readonly reason?: string
}
