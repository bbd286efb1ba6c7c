import type { Metadata } from '../../../domain/metadata.ts'
import type { Currency, NewOrderCommand, PaymentMethod } from '../../../domain/order-commands.ts'
import {
  customerFullName,
  longDescription,
  toOrderContent,
  type HistoryEntry,
  type HistoryKind,
  type OrderItemView,
  type OrderStatus,
  type OrderView,
} from '../../../domain/order-view.ts'
import type { Row } from '../database/connection.ts'
import { fromSqlId, fromSqlTime } from '../database/values.ts'

/** Rows as the driver gives them: BIGINT as text, DATETIME2 as Date, DECIMAL(19, 4) of our amounts as an exact number. */
interface OrderRow {
  readonly seq: string
  readonly rank_class: number
  readonly order_id: string
  readonly customer_id: string
  readonly customer_name: string
  readonly customer_last_name: string
  readonly customer_email: string
  readonly shipping_address: string
  readonly billing_address: string
  readonly currency: Currency
  readonly total_price: number
  readonly payment_method: PaymentMethod
  readonly accepted_at: Date
  readonly stored_at: Date
  readonly recovered: boolean
  readonly reference: string | null
  readonly metadata: string | null
}

interface ItemRow {
  readonly order_seq: string
  readonly item_code: string
  readonly brand: string
  readonly type: string
  readonly size: string
  readonly colour: string
  readonly quantity: number
  readonly price: number
  readonly currency: Currency
}

interface StateRow {
  readonly seq: string
  readonly order_id: string
  readonly status: OrderStatus
  readonly attempt: string
  readonly max_attempts: string
  readonly next_attempt_at: Date | null
  readonly cause_code: string
  readonly cause_detail: string
  readonly accepted_at: Date | null
  readonly updated_at: Date
  readonly order_json: string | null
}

interface HistoryRow {
  readonly happened_at: Date
  readonly kind: HistoryKind
  readonly attempt: string | null
  readonly next_attempt_at: Date | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly reason: string | null
}

/** A view and where its row is, for a cursor. */
export interface Found {
  readonly seq: number
  readonly rank: number
  readonly view: OrderView
}

/** Both SELECTs of SELECT_STORED. */
export function toStored(orders: readonly Row[], items: readonly Row[]): Found[] {
  const ofOrders = Map.groupBy(items as unknown as readonly ItemRow[], (item) => item.order_seq)
  return (orders as unknown as readonly OrderRow[]).map((row) => ({
    seq: Number(row.seq),
    rank: row.rank_class,
    view: toStoredView(row, ofOrders.get(row.seq) ?? []),
  }))
}

export function toUnstored(states: readonly Row[]): Found[] {
  return (states as unknown as readonly StateRow[]).map((row) => ({
    seq: Number(row.seq),
    rank: 0,
    view: toUnstoredView(row),
  }))
}

function toStoredView(row: OrderRow, items: readonly ItemRow[]): OrderView {
  const customer = { customerName: row.customer_name, customerLastName: row.customer_last_name }
  return {
    orderId: fromSqlId(row.order_id),
    status: 'stored',
    acceptedAt: fromSqlTime(row.accepted_at),
    storedAt: fromSqlTime(row.stored_at),
    ...(row.recovered && { recovered: true }),
    customerId: Number(row.customer_id),
    ...customer,
    customerFullName: customerFullName(customer),
    customerEmail: row.customer_email,
    shippingAddress: row.shipping_address,
    billingAddress: row.billing_address,
    currencyType: row.currency,
    totalPrice: row.total_price,
    paymentMethodType: row.payment_method,
    orderItems: items.map(toItemView),
    ...(row.reference !== null && { reference: row.reference }),
    ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) as Metadata }),
  }
}

function toItemView(row: ItemRow): OrderItemView {
  const { item_code: itemCode, brand, type, size, colour, quantity, price, currency } = row
  const longName = longDescription(row)
  return { itemCode, brand, type, size, colour, quantity, price, currencyType: currency, longDescription: longName }
}

function toUnstoredView(row: StateRow): OrderView {
  const content = row.order_json === null ? {} : toOrderContent(JSON.parse(row.order_json) as NewOrderCommand)
  const isRetrying = row.status === 'retrying'
  return {
    orderId: fromSqlId(row.order_id),
    status: row.status,
    ...(row.accepted_at !== null && { acceptedAt: fromSqlTime(row.accepted_at) }),
    ...(isRetrying && { attempt: Number(row.attempt), maxAttempts: Number(row.max_attempts) }),
    ...(isRetrying && row.next_attempt_at !== null && { nextAttemptAt: fromSqlTime(row.next_attempt_at) }),
    cause: { code: row.cause_code, detail: row.cause_detail },
    updatedAt: fromSqlTime(row.updated_at),
    ...content,
  }
}

export function toHistoryEntry(entry: Row): HistoryEntry {
  const row = entry as unknown as HistoryRow
  return {
    at: fromSqlTime(row.happened_at),
    kind: row.kind,
    ...(row.attempt !== null && { attempt: Number(row.attempt) }),
    ...(row.next_attempt_at !== null && { nextAttemptAt: fromSqlTime(row.next_attempt_at) }),
    ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
    ...(row.reason !== null && { reason: row.reason }),
  }
}
