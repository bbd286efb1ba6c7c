import type { Metadata } from './metadata.ts'
import type { NewOrderCommand } from './order-commands.ts'
import type { Currency, PaymentMethod } from './order-choices.ts'

/**
 * The read model that queries return. Field names are those of the original application; currencies are ISO codes,
 * payment methods are names, and times are RFC 3339 in UTC.
 */

export const ORDER_STATUSES = [
  'accepted',
  'retrying',
  'stored',
  'cancelled',
  'dead-lettered',
  'discarded',
  'lost',
] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

/**
 * The statuses in the store, by which lists can be filtered. Orders that are `accepted` are only in the log, and those
 * that are `lost` are nowhere.
 */
export const STORE_STATUSES = [
  'retrying',
  'stored',
  'cancelled',
  'dead-lettered',
  'discarded',
] as const satisfies OrderStatus[]
export type StoreStatus = (typeof STORE_STATUSES)[number]

/** The reason for an order's status, as a code and a sentence for callers. */
export interface Cause {
  readonly code: string
  readonly detail: string
}

/** The state of an order. All members except `orderId` and `status` are present only if known and applicable. */
export interface OrderState {
  readonly orderId: string
  readonly status: OrderStatus
  readonly acceptedAt?: string
  readonly storedAt?: string
  /** The number of events applied to the stored order: 1 if the order was never changed. */
  readonly version?: number
  readonly cancelledAt?: string
  /** The caller's reason for the cancellation. */
  readonly cancellationReason?: string
  /** True if the order was stored only after an operator's redrive. */
  readonly recovered?: boolean
  /** While retrying: the attempts so far, the maximum number of attempts, and when the next is due. */
  readonly attempt?: number
  readonly maxAttempts?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  readonly updatedAt?: string
}

/** Whether the status can change only if somebody acts. */
export function isFinal({ status }: Pick<OrderState, 'status'>): boolean {
  return isInStore({ status }) || status === 'dead-lettered' || status === 'discarded' || status === 'lost'
}

/** Whether the order was stored, regardless of later changes to it. */
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

/** Absent if the customer has been forgotten. */
interface PersonalContent {
  readonly customerName: string
  readonly customerLastName: string
  readonly customerFullName: string
  readonly customerEmail: string
  readonly shippingAddress: string
  readonly billingAddress: string
}

export interface OrderContent extends Partial<PersonalContent> {
  readonly customerId: number
  readonly currencyType: Currency
  readonly totalPrice: number
  readonly paymentMethodType: PaymentMethod
  readonly orderItems: readonly OrderItemView[]
  /** The caller's reference and metadata; absent if the caller sent none. */
  readonly reference?: string
  readonly metadata?: Metadata
  /** True if the customer was forgotten, in which case the order has no personal data. */
  readonly forgotten?: boolean
}

/** An order's state and, once it is known, its content. It may be unknown until the order is stored. */
export type OrderView = OrderState & Partial<OrderContent>

/** An item's name in search and on pages: brand, type, size and colour, each only if present. */
export function longDescription(item: { brand: string; type: string; size: string; colour: string }): string {
  return [item.brand, item.type, item.size, item.colour].filter((part) => part !== '').join(' ')
}

export function customerFullName(customer: { customerName: string; customerLastName: string }): string {
  return `${customer.customerName} ${customer.customerLastName}`
}

export function toOrderContent(order: NewOrderCommand): OrderContent {
  return {
    customerId: order.customerId,
    ...(order.forgotten !== true && personalContent(order)),
    currencyType: order.currencyType,
    totalPrice: order.totalPrice,
    paymentMethodType: order.paymentMethodType,
    orderItems: order.orderItems.map((item) => ({ ...item, longDescription: longDescription(item) })),
    ...ownContent(order),
    ...(order.forgotten === true && { forgotten: true }),
  }
}

function personalContent(order: NewOrderCommand): PersonalContent {
  return {
    customerName: order.customerName,
    customerLastName: order.customerLastName,
    customerFullName: customerFullName(order),
    customerEmail: order.customerEmail,
    shippingAddress: order.shippingAddress,
    billingAddress: order.billingAddress,
  }
}

/** The caller's own data about the order, if present. */
export function ownContent({ reference, metadata }: Pick<NewOrderCommand, 'reference' | 'metadata'>) {
  return { ...(reference !== undefined && { reference }), ...(metadata !== undefined && { metadata }) }
}

/**
 * The kinds of entries in an order's history. `entries-removed`: the store has removed all entries before this time,
 * except those that show when the order was accepted and stored (see `Retention`).
 */
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
  'entries-removed',
] as const
export type HistoryKind = (typeof HISTORY_KINDS)[number]

export interface HistoryEntry {
  readonly at: string
  readonly kind: HistoryKind
  readonly attempt?: number
  readonly nextAttemptAt?: string
  readonly cause?: Cause
  /**
   * The operator's reason, for operator actions; for `entries-removed`, a sentence saying that entries were removed.
   */
  readonly reason?: string
  /** The change that the entry is about; absent if the entry is about the order itself. */
  readonly changeId?: string
  /** The order version that the change produced. */
  readonly version?: number
}

/**
 * An order's history, sorted by time: its acceptance, failures and operators' actions before it was stored, the moment
 * it was stored, and the events of its changes. Among entries with the same time, the order's own come first. The
 * acceptance always comes first, even if the clock that supplied its time was ahead of the other clocks.
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
