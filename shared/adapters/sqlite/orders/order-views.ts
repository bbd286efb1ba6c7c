import type { DatabaseSync } from 'node:sqlite'
import { fromTenThousandths } from '../../../domain/money.ts'
import type { Metadata } from '../../../domain/metadata.ts'
import type { Currency, NewOrderCommand, PaymentMethod } from '../../../domain/order-commands.ts'
import {
  customerFullName,
  longDescription,
  toHistory,
  toOrderContent,
  type HistoryEntry,
  type HistoryKind,
  type OrderItemView,
  type OrderStatus,
  type OrderView,
} from '../../../domain/order-view.ts'
import type { KnownOrder } from '../../../ports/order-store.ts'
import { fromHashBytes, fromIdBytes, fromMs, toHashBytes, toIdBytes } from '../database/values.ts'

export interface OrderQueries {
  getMany(orderIds: readonly string[]): Map<string, OrderView>
  history(orderId: string): HistoryEntry[] | undefined
  findByIdempotencyKey(keyHash: string): KnownOrder | undefined
  /** The orders at these positions, in that order. */
  stored(seqs: readonly number[]): OrderView[]
  unstored(seqs: readonly number[]): OrderView[]
}

const ORDER_COLUMNS = `
  seq, order_id, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address,
  currency, total_price, payment_method, accepted_at, stored_at, recovered, reference, metadata`
const STATE_COLUMNS = `
  seq, order_id, status, attempt, max_attempts, next_attempt_at, cause_code, cause_detail, accepted_at, updated_at, order_json`

/** By the unique indexes of order_id, which hold the primary key. */
const IDS = '(SELECT unhex(value) FROM json_each(?))'
const ORDER_SEQS_BY_ID = `SELECT seq FROM orders WHERE order_id IN ${IDS}`
const STATE_SEQS_BY_ID = `SELECT seq FROM order_states WHERE order_id IN ${IDS}`
/** By the primary keys. */
const SEQS = '(SELECT value FROM json_each(?))'
const ORDERS = `SELECT ${ORDER_COLUMNS} FROM orders WHERE seq IN ${SEQS}`
const ITEMS = `SELECT * FROM order_items WHERE order_seq IN ${SEQS} ORDER BY order_seq, line`
const STATES = `SELECT ${STATE_COLUMNS} FROM order_states WHERE seq IN ${SEQS}`
/** By the index order_history_by_order, whose entries of one order lie in the order of writing. */
const HISTORY = `
  SELECT at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason FROM order_history WHERE order_id = ? ORDER BY entry`
/** By the index orders_by_idempotency_key. */
const BY_KEY = 'SELECT order_id, body_hash, accepted_at FROM orders WHERE idempotency_key_hash = ?'

interface OrderRow {
  readonly seq: number
  readonly order_id: Uint8Array
  readonly customer_id: number
  readonly customer_name: string
  readonly customer_last_name: string
  readonly customer_email: string
  readonly shipping_address: string
  readonly billing_address: string
  readonly currency: Currency
  readonly total_price: number
  readonly payment_method: PaymentMethod
  readonly accepted_at: number
  readonly stored_at: number
  readonly recovered: number
  readonly reference: string | null
  readonly metadata: string | null
}

interface ItemRow {
  readonly order_seq: number
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
  readonly seq: number
  readonly order_id: Uint8Array
  readonly status: OrderStatus
  readonly attempt: number
  readonly max_attempts: number
  readonly next_attempt_at: number | null
  readonly cause_code: string
  readonly cause_detail: string
  readonly accepted_at: number | null
  readonly updated_at: number
  readonly order_json: string | null
}

interface HistoryRow {
  readonly at: number
  readonly kind: HistoryKind
  readonly attempt: number | null
  readonly next_attempt_at: number | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly reason: string | null
}

export function prepareOrderQueries(db: DatabaseSync): OrderQueries {
  const selectOrderSeqs = db.prepare(ORDER_SEQS_BY_ID)
  const selectStateSeqs = db.prepare(STATE_SEQS_BY_ID)
  const selectOrders = db.prepare(ORDERS)
  const selectItems = db.prepare(ITEMS)
  const selectStates = db.prepare(STATES)
  const selectHistory = db.prepare(HISTORY)
  const selectByKey = db.prepare(BY_KEY)

  function stored(seqs: readonly number[]): OrderView[] {
    const list = JSON.stringify(seqs)
    const rows = new Map((selectOrders.all(list) as unknown as OrderRow[]).map((row) => [row.seq, row]))
    const items = Map.groupBy(selectItems.all(list) as unknown as ItemRow[], (item) => item.order_seq)
    return seqs.flatMap((seq) => {
      const row = rows.get(seq)
      return row === undefined ? [] : [toStoredView(row, items.get(seq) ?? [])]
    })
  }

  function unstored(seqs: readonly number[]): OrderView[] {
    const found = selectStates.all(JSON.stringify(seqs)) as unknown as StateRow[]
    const rows = new Map(found.map((row) => [row.seq, row]))
    return seqs.flatMap((seq) => {
      const row = rows.get(seq)
      return row === undefined ? [] : [toUnstoredView(row)]
    })
  }

  function getMany(orderIds: readonly string[]): Map<string, OrderView> {
    const list = JSON.stringify(orderIds.map((orderId) => orderId.replaceAll('-', '')))
    const seqsOf = (statement: typeof selectOrderSeqs) => statement.all(list).map((row) => Number(row['seq']))
    const views = stored(seqsOf(selectOrderSeqs))
    // An order has a state only while it is not stored.
    if (views.length < orderIds.length) views.push(...unstored(seqsOf(selectStateSeqs)))
    return new Map(views.map((view) => [view.orderId, view]))
  }

  return {
    getMany,
    stored,
    unstored,
    history(orderId) {
      const view = getMany([orderId]).get(orderId)
      if (view === undefined) return undefined
      const happened = (selectHistory.all(toIdBytes(orderId)) as unknown as HistoryRow[]).map(toHistoryEntry)
      return toHistory(view, happened)
    },
    findByIdempotencyKey(keyHash) {
      const row = selectByKey.get(toHashBytes(keyHash))
      if (row === undefined) return undefined
      return {
        orderId: fromIdBytes(row['order_id'] as Uint8Array),
        bodyHash: fromHashBytes(row['body_hash'] as Uint8Array),
        acceptedAt: fromMs(Number(row['accepted_at'])),
      }
    },
  }
}

function toStoredView(row: OrderRow, items: readonly ItemRow[]): OrderView {
  const customer = { customerName: row.customer_name, customerLastName: row.customer_last_name }
  return {
    orderId: fromIdBytes(row.order_id),
    status: 'stored',
    acceptedAt: fromMs(row.accepted_at),
    storedAt: fromMs(row.stored_at),
    ...(row.recovered === 1 && { recovered: true }),
    customerId: row.customer_id,
    ...customer,
    customerFullName: customerFullName(customer),
    customerEmail: row.customer_email,
    shippingAddress: row.shipping_address,
    billingAddress: row.billing_address,
    currencyType: row.currency,
    totalPrice: fromTenThousandths(row.total_price),
    paymentMethodType: row.payment_method,
    orderItems: items.map(toItemView),
    ...(row.reference !== null && { reference: row.reference }),
    ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) as Metadata }),
  }
}

function toItemView(row: ItemRow): OrderItemView {
  const { brand, type, size, colour, quantity } = row
  return {
    itemCode: row.item_code,
    brand,
    type,
    size,
    colour,
    quantity,
    price: fromTenThousandths(row.price),
    currencyType: row.currency,
    longDescription: longDescription(row),
  }
}

function toUnstoredView(row: StateRow): OrderView {
  const content = row.order_json === null ? {} : toOrderContent(JSON.parse(row.order_json) as NewOrderCommand)
  return {
    orderId: fromIdBytes(row.order_id),
    status: row.status,
    ...(row.accepted_at !== null && { acceptedAt: fromMs(row.accepted_at) }),
    ...(row.status === 'retrying' && { attempt: row.attempt, maxAttempts: row.max_attempts }),
    ...(row.status === 'retrying' && row.next_attempt_at !== null && { nextAttemptAt: fromMs(row.next_attempt_at) }),
    cause: { code: row.cause_code, detail: row.cause_detail },
    updatedAt: fromMs(row.updated_at),
    ...content,
  }
}

function toHistoryEntry(row: HistoryRow): HistoryEntry {
  return {
    at: fromMs(row.at),
    kind: row.kind,
    ...(row.attempt !== null && { attempt: row.attempt }),
    ...(row.next_attempt_at !== null && { nextAttemptAt: fromMs(row.next_attempt_at) }),
    ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
    ...(row.reason !== null && { reason: row.reason }),
  }
}
