import type { Metadata } from '../../domain/metadata.ts'
import type { Order } from '../../domain/order.ts'
import type { NewOrderCommand, OrderItem } from '../../domain/order-commands.ts'
import type { Currency, PaymentMethod } from '../../domain/order-choices.ts'
import {
  toOrderContent,
  type HistoryEntry,
  type HistoryKind,
  type OrderStatus,
  type OrderView,
} from '../../domain/order-view.ts'
import type { Conversions, Row } from './rows.ts'

interface OrderRow<Id, Time> {
  readonly order_id: Id
  readonly customer_id: number | string
  readonly customer_name: string
  readonly customer_last_name: string
  readonly customer_email: string
  readonly shipping_address: string
  readonly billing_address: string
  readonly currency: Currency
  readonly total_price: number
  readonly payment_method: PaymentMethod
  readonly accepted_at: Time
  readonly stored_at: Time
  readonly recovered: boolean | 0 | 1
  readonly reference: string | null
  readonly metadata: string | null
  readonly version: number
  readonly cancelled_at: Time | null
  readonly cancellation_reason: string | null
  readonly forgotten: boolean | 0 | 1
}

interface ItemRow extends Pick<OrderItem, 'brand' | 'type' | 'size' | 'colour' | 'quantity' | 'price'> {
  readonly item_code: string
  readonly currency: Currency
}

interface StateRow<Id, Time> {
  readonly order_id: Id
  readonly status: OrderStatus
  readonly attempt: number | string
  readonly max_attempts: number | string
  readonly next_attempt_at: Time | null
  readonly cause_code: string
  readonly cause_detail: string
  readonly accepted_at: Time | null
  readonly updated_at: Time
  readonly order_json: string | null
}

interface HistoryRow<Id, Time> {
  readonly happened_at: Time
  readonly kind: HistoryKind
  readonly attempt: number | string | null
  readonly next_attempt_at: Time | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly reason: string | null
  /** Only rows of order_change_history have `change_id` and `version`. */
  readonly change_id?: Id
  readonly version?: number | null
}

const ENTRIES_REMOVED = 'The other entries before this time were removed because of their age.'

/** Converts rows of orders to views. `fromAmount` converts a stored amount to the order's unit. */
export interface OrderRows {
  readonly toStoredView: (order: Row, items: readonly Row[]) => OrderView
  /** Converts the rows of a stored order to the domain's order. */
  readonly toAggregate: (order: Row, items: readonly Row[]) => Order
  /** Converts a row of order_states. */
  readonly toUnstoredView: (state: Row) => OrderView
  /** Converts a row of order_history or order_change_history. */
  readonly toHistoryEntry: (entry: Row) => HistoryEntry
  /** Converts a row of removed_histories. */
  readonly toRemovedEntry: (removed: Row) => HistoryEntry
}

export function createOrderRows<Id, Time>(
  conversions: Conversions<Id, Time> & { readonly fromAmount: (amount: number) => number },
): OrderRows {
  const { fromId, fromTime, fromAmount } = conversions

  function toItem(item: Row): OrderItem {
    const row = item as unknown as ItemRow
    const { item_code: itemCode, brand, type, size, colour, quantity, currency: currencyType } = row
    return { itemCode, brand, type, size, colour, quantity, price: fromAmount(row.price), currencyType }
  }

  function toCommand(row: OrderRow<Id, Time>, items: readonly Row[]): NewOrderCommand {
    return {
      customerId: Number(row.customer_id),
      customerName: row.customer_name,
      customerLastName: row.customer_last_name,
      customerEmail: row.customer_email,
      shippingAddress: row.shipping_address,
      billingAddress: row.billing_address,
      currencyType: row.currency,
      totalPrice: fromAmount(row.total_price),
      paymentMethodType: row.payment_method,
      orderItems: items.map(toItem),
      ...(row.reference !== null && { reference: row.reference }),
      ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) as Metadata }),
      ...(Boolean(row.forgotten) && { forgotten: true as const }),
    }
  }

  function toAggregate(order: Row, items: readonly Row[]): Order {
    const row = order as unknown as OrderRow<Id, Time>
    const { cancelled_at: cancelledAt, cancellation_reason: reason } = row
    const placed = { version: row.version, content: toCommand(row, items) }
    if (cancelledAt === null) return placed
    return { ...placed, cancellation: { at: fromTime(cancelledAt), ...(reason !== null && { reason }) } }
  }

  return {
    toAggregate,
    toStoredView(order, items) {
      const row = order as unknown as OrderRow<Id, Time>
      const { version, content, cancellation } = toAggregate(order, items)
      return {
        orderId: fromId(row.order_id),
        status: cancellation === undefined ? 'stored' : 'cancelled',
        acceptedAt: fromTime(row.accepted_at),
        storedAt: fromTime(row.stored_at),
        version,
        ...(cancellation !== undefined && { cancelledAt: cancellation.at }),
        ...(cancellation?.reason !== undefined && { cancellationReason: cancellation.reason }),
        ...(Boolean(row.recovered) && { recovered: true }),
        ...toOrderContent(content),
      }
    },
    toUnstoredView(state) {
      const row = state as unknown as StateRow<Id, Time>
      const content = row.order_json === null ? {} : toOrderContent(JSON.parse(row.order_json) as NewOrderCommand)
      const isRetrying = row.status === 'retrying'
      return {
        orderId: fromId(row.order_id),
        status: row.status,
        ...(row.accepted_at !== null && { acceptedAt: fromTime(row.accepted_at) }),
        ...(isRetrying && { attempt: Number(row.attempt), maxAttempts: Number(row.max_attempts) }),
        ...(isRetrying && row.next_attempt_at !== null && { nextAttemptAt: fromTime(row.next_attempt_at) }),
        cause: { code: row.cause_code, detail: row.cause_detail },
        updatedAt: fromTime(row.updated_at),
        ...content,
      }
    },
    toHistoryEntry(entry) {
      const row = entry as unknown as HistoryRow<Id, Time>
      return {
        at: fromTime(row.happened_at),
        kind: row.kind,
        ...(row.attempt !== null && { attempt: Number(row.attempt) }),
        ...(row.next_attempt_at !== null && { nextAttemptAt: fromTime(row.next_attempt_at) }),
        ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
        ...(row.reason !== null && { reason: row.reason }),
        ...(row.change_id !== undefined && { changeId: fromId(row.change_id) }),
        ...(row.version != null && { version: row.version }),
      }
    },
    toRemovedEntry: ({ removed_before: before }) => ({
      at: fromTime(before as Time),
      kind: 'entries-removed',
      reason: ENTRIES_REMOVED,
    }),
  }
}
