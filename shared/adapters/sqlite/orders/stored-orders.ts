import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { toTenThousandths } from '../../../domain/money.ts'
import type { OrderItem } from '../../../domain/order-commands.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { StoreOutcome } from '../../../ports/order-store.ts'
import type { ParsedOrder } from '../../stores/parsed-orders.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import type { BatchTombstones } from '../archive/tombstones.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { sameBytes, toHashBytes, toIdBytes, toMs } from '../database/values.ts'

/** The rows of stored orders. */
export interface StoredOrders {
  /**
   * Returns true if the order was inserted. Returns false if the id or the Idempotency-Key is already known, even if
   * only from an archived order. Throws if the order violates a constraint. The order's items and words are only noted
   * in memory, and are written later together with those of other orders.
   */
  insert(order: ParsedOrder, nowMs: number, recovered: boolean): boolean
  /**
   * The outcome for an order whose id or Idempotency-Key is already known. The outcome is `withheld` if the known order
   * was discarded and has since been archived.
   */
  judge(order: ParsedOrder, isSuperseding: () => boolean): StoreOutcome
  /**
   * The origin of the order stored under this id, even if the order has since been archived. Undefined if there is no
   * such order.
   */
  originOf(orderId: string): RecordPosition | undefined
  isArchived(orderId: string): boolean
  /**
   * Writes the items and words that were noted. Throws if an item violates a constraint, so if the order has a
   * savepoint, this must be called before the savepoint is released.
   */
  writeParts(): void
  /** Discards the items and words that were noted for orders that were then refused. */
  dropParts(): void
  /**
   * Writes everything that was noted about the inserted orders. Must be called in the transaction that inserted them,
   * after the last insert and before their items are read.
   */
  complete(): void
  /** Discards everything that was noted in memory. Must be called after a rollback. */
  forget(): void
}

/** One row of order_spans covers this many consecutive orders. */
export const SPAN_ORDERS = 1024

const INSERT_ORDER = `
  INSERT INTO orders (
    order_id, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address, currency,
    total_price, payment_method, accepted_at, stored_at, origin_topic, origin_partition, origin_offset, body_hash,
    idempotency_key_hash, recovered, reference, metadata, forgotten
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const ITEM_VALUES = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
export const INSERT_ITEM = `INSERT INTO order_items VALUES ${ITEM_VALUES}`
/** The number of items in one statement. Longer statements would save hardly anything. */
const ITEMS_AT_ONCE = 16
const INSERT_SEARCH = 'INSERT INTO order_search (rowid, words) VALUES (?, ?)'
/** Uses the unique index on order_id. */
const SELECT_KNOWN = 'SELECT origin_topic, origin_partition, origin_offset, body_hash FROM orders WHERE order_id = ?'
const UPSERT_SPAN = `
  INSERT INTO order_spans VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET
    min_accepted_at = min(min_accepted_at, excluded.min_accepted_at),
    max_accepted_at = max(max_accepted_at, excluded.max_accepted_at)`

/** All members are null if the order was discarded and has since been archived. */
interface KnownRow {
  readonly origin_topic: string | null
  readonly origin_partition: number | null
  readonly origin_offset: number | null
  readonly body_hash: Uint8Array | null
}

export function prepareStoredOrders(db: DatabaseSync, tombstones: BatchTombstones): StoredOrders {
  const insertOrder = db.prepare(INSERT_ORDER)
  const insertItem = db.prepare(INSERT_ITEM)
  const insertItems = db.prepare(`${INSERT_ITEM}${`, ${ITEM_VALUES}`.repeat(ITEMS_AT_ONCE - 1)}`)
  const insertSearch = db.prepare(INSERT_SEARCH)
  const selectKnown = db.prepare(SELECT_KNOWN)
  const upsertSpan = db.prepare(UPSERT_SPAN)
  const terms = prepareSearchTerms(db)
  const searchParts = createSearchParts()
  let items: (readonly SQLInputValue[])[] = []
  let texts: (readonly [seq: number, text: string])[] = []
  /**
   * For each span of positions, the earliest and the latest acceptance time of its orders. An order that is refused
   * later still widens the span that it falls into, which does no harm.
   */
  const spans = new Map<number, readonly [min: number, max: number]>()

  function noteSpan(seq: number, acceptedAtMs: number): void {
    const span = Math.floor(seq / SPAN_ORDERS)
    const [min, max] = spans.get(span) ?? [acceptedAtMs, acceptedAtMs]
    spans.set(span, [Math.min(min, acceptedAtMs), Math.max(max, acceptedAtMs)])
  }

  function dropParts(): void {
    items = []
    texts = []
  }

  /**
   * Writes the items before the words. SQLite sets a savepoint for each statement that inserts several rows, and at
   * each savepoint FTS5 writes all the words that it has buffered, which costs as much for a few words as for many.
   */
  function writeParts(): void {
    const [ofItems, ofTexts] = [items, texts]
    dropParts()
    const last = ofItems.length - (ofItems.length % ITEMS_AT_ONCE)
    for (let at = 0; at < last; at += ITEMS_AT_ONCE) insertItems.run(...ofItems.slice(at, at + ITEMS_AT_ONCE).flat())
    for (const item of ofItems.slice(last)) insertItem.run(...item)
    for (const text of ofTexts) insertSearch.run(...text)
  }

  function known(orderId: string): KnownRow | undefined {
    return (selectKnown.get(toIdBytes(orderId)) as KnownRow | undefined) ?? tombstones.ofOrder(orderId)
  }

  function isKnownToArchive({ orderId, idempotencyKeyHash }: ParsedOrder): boolean {
    if (tombstones.ofOrder(orderId) !== undefined) return true
    return idempotencyKeyHash !== null && tombstones.hasKey(idempotencyKeyHash)
  }

  return {
    insert(stored, nowMs, recovered) {
      const { order } = stored
      if (isKnownToArchive(stored)) return false
      const { changes, lastInsertRowid } = insertOrder.run(
        ...orderValues(stored, nowMs, recovered),
        order.forgotten === true ? 1 : 0,
      )
      if (changes === 0) return false
      const seq = Number(lastInsertRowid)
      for (const [line, item] of order.orderItems.entries()) items.push([seq, line, ...itemValues(item)])
      const parts = searchParts(stored.orderId, order)
      texts.push([seq, searchableText(order, parts)])
      terms.note(parts)
      noteSpan(seq, toMs(stored.acceptedAt))
      return true
    },
    judge({ orderId, origin, bodyHash }, isSuperseding) {
      const row = known(orderId)
      if (row === undefined) return REJECTIONS['idempotency-key-reused']
      if (row.body_hash === null) return { kind: 'withheld' }
      const storedFrom = originIn(row)
      if (storedFrom !== undefined && samePlace(storedFrom, origin)) return { kind: 'stored' }
      // The order that was stored first is final. An edit that arrives too late changes nothing and does not count as
      // reuse of the id.
      if (sameBytes(row.body_hash, toHashBytes(bodyHash)) || isSuperseding()) return { kind: 'duplicate' }
      return REJECTIONS['order-id-reused']
    },
    originOf(orderId) {
      const row = known(orderId)
      return row && originIn(row)
    },
    isArchived: (orderId) => tombstones.ofOrder(orderId) !== undefined,
    writeParts,
    dropParts,
    complete() {
      writeParts()
      terms.write()
      for (const [span, [min, max]] of spans) upsertSpan.run(span, min, max)
      spans.clear()
    },
    forget() {
      dropParts()
      terms.forget()
      spans.clear()
    },
  }
}

/** The values for the columns of `orders` from order_id to metadata, in column order. */
export function orderValues(stored: ParsedOrder, storedAtMs: number, recovered: boolean): SQLInputValue[] {
  const { order, orderId, origin, bodyHash, idempotencyKeyHash, acceptedAt } = stored
  return [
    toIdBytes(orderId),
    order.customerId,
    order.customerName,
    order.customerLastName,
    order.customerEmail,
    order.shippingAddress,
    order.billingAddress,
    order.currencyType,
    toTenThousandths(order.totalPrice),
    order.paymentMethodType,
    toMs(acceptedAt),
    storedAtMs,
    origin.topic,
    origin.partition,
    origin.offset,
    toHashBytes(bodyHash),
    idempotencyKeyHash === null ? null : toHashBytes(idempotencyKeyHash),
    recovered ? 1 : 0,
    order.reference ?? null,
    order.metadata === undefined ? null : JSON.stringify(order.metadata),
  ]
}

/** The values for the columns of `order_items` after order_seq and line, in column order. */
export function itemValues(item: OrderItem): SQLInputValue[] {
  const { itemCode, brand, type, size, colour, quantity, price, currencyType } = item
  return [itemCode, brand, type, size, colour, quantity, toTenThousandths(price), currencyType]
}

function originIn({ origin_topic: topic, origin_partition: partition, origin_offset: offset }: KnownRow) {
  return topic === null || partition === null || offset === null ? undefined : { topic, partition, offset }
}

export function samePlace(one: RecordPosition, other: RecordPosition): boolean {
  return one.offset === other.offset && one.partition === other.partition && one.topic === other.topic
}
