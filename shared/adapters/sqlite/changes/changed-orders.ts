import type { DatabaseSync } from 'node:sqlite'
import { toTenThousandths } from '../../../domain/money.ts'
import type { Order } from '../../../domain/order.ts'
import { toIdBytes, toMs } from '../database/values.ts'
import { prepareOrderQueries } from '../orders/order-views.ts'
import { INSERT_ITEM, itemValues } from '../orders/stored-orders.ts'
import { prepareRewording } from '../search/rewording.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'

/** Reads and writes stored orders as aggregates, within the caller's transaction. */
export interface ChangedOrders {
  /** Undefined while the order is not stored. */
  read(orderId: string): Order | undefined
  /** Whether an operator discarded the order. */
  isDiscarded(orderId: string): boolean
  /** Throws if the order violates a constraint; the caller must then roll back. */
  write(orderId: string, before: Order, after: Order): void
}

const UPDATE = `
  UPDATE orders SET
    customer_name = ?, customer_last_name = ?, customer_email = ?, shipping_address = ?, billing_address = ?,
    total_price = ?, payment_method = ?, version = ?, cancelled_at = ?, cancellation_reason = ?
  WHERE order_id = ? RETURNING seq`
/** Uses the unique index on order_id. */
const IS_DISCARDED = `SELECT 1 FROM order_states WHERE order_id = ? AND status = 'discarded'`
const DELETE_ITEMS = 'DELETE FROM order_items WHERE order_seq = ?'

export function prepareChangedOrders(db: DatabaseSync): ChangedOrders {
  const queries = prepareOrderQueries(db)
  const update = db.prepare(UPDATE)
  const isDiscarded = db.prepare(IS_DISCARDED)
  const deleteItems = db.prepare(DELETE_ITEMS)
  const insertItem = db.prepare(INSERT_ITEM)
  const reword = prepareRewording(db)
  const terms = prepareSearchTerms(db)
  const searchParts = createSearchParts()

  function index(orderId: string, seq: number, before: Order, after: Order): void {
    const parts = searchParts(orderId, after.content)
    const textOf = ({ content, cancellation }: Order, words = searchParts(orderId, content)) =>
      searchableText({ ...content, isCancelled: cancellation !== undefined }, words)
    reword(seq, textOf(before), textOf(after, parts))
    // If an earlier transaction was rolled back, the words that it wrote are gone too.
    terms.forget()
    terms.note(parts)
    terms.write()
  }

  return {
    read: (orderId) => queries.aggregate(orderId),
    isDiscarded: (orderId) => isDiscarded.get(toIdBytes(orderId)) !== undefined,
    write(orderId, before, after) {
      const { content, version, cancellation } = after
      const row = update.get(
        content.customerName,
        content.customerLastName,
        content.customerEmail,
        content.shippingAddress,
        content.billingAddress,
        toTenThousandths(content.totalPrice),
        content.paymentMethodType,
        version,
        cancellation === undefined ? null : toMs(cancellation.at),
        cancellation?.reason ?? null,
        toIdBytes(orderId),
      )
      const seq = Number(row?.['seq'])
      if (content.orderItems !== before.content.orderItems) {
        deleteItems.run(seq)
        for (const [line, item] of content.orderItems.entries()) insertItem.run(seq, line, ...itemValues(item))
      }
      index(orderId, seq, before, after)
    },
  }
}
