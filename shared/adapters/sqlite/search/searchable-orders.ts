import type { DatabaseSync } from 'node:sqlite'
import { createStatements } from '../database/database.ts'
import type { Searchable } from './search-text.ts'
import { fromIdBytes } from '../database/values.ts'

/** The searchable parts of the orders after `afterSeq`, up to `lastSeq`, in the order in which they were stored. */
export type ReadSearchable = (afterSeq: number, lastSeq: number) => readonly SearchableOrder[]

export type SearchableOrder = Searchable & { readonly seq: number; readonly orderId: string }

type OrderRow = Omit<SearchableOrder, 'isCancelled'> & { readonly id: Uint8Array; readonly isCancelled: 0 | 1 }
type SearchableItem = Searchable['orderItems'][number] & { readonly seq: number }

/** Reads orders and their items. With a `prefix`, reads the tables of a rebuild instead of the live ones. */
export function prepareSearchableOrders(db: DatabaseSync, prefix = ''): ReadSearchable {
  // Statements are prepared when first used, because a rebuild's tables exist only while it runs.
  const statement = createStatements(db)
  const selectOrders = `
    SELECT seq, order_id AS id, customer_id AS customerId, customer_name AS customerName, customer_last_name AS customerLastName,
      customer_email AS customerEmail, currency AS currencyType, payment_method AS paymentMethodType, reference,
      cancelled_at IS NOT NULL AS isCancelled
    FROM ${prefix}orders WHERE seq > ? AND seq <= ? ORDER BY seq`
  const selectItems = `
    SELECT order_seq AS seq, item_code AS itemCode, brand, type, size, colour FROM ${prefix}order_items
    WHERE order_seq > ? AND order_seq <= ? ORDER BY order_seq, line`

  return (afterSeq, lastSeq) => {
    const items = Map.groupBy(
      statement(selectItems).all(afterSeq, lastSeq) as unknown as SearchableItem[],
      (item) => item.seq,
    )
    const orders = statement(selectOrders).all(afterSeq, lastSeq) as unknown as OrderRow[]
    return orders.map(({ isCancelled, ...order }) => ({
      ...order,
      isCancelled: isCancelled === 1,
      orderId: fromIdBytes(order.id),
      orderItems: items.get(order.seq) ?? [],
    }))
  }
}
