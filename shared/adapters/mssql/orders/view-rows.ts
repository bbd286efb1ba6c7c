import type { OrderView } from '../../../domain/order-view.ts'
import type { Order } from '../../../domain/order.ts'
import { createOrderRows } from '../../stores/order-rows.ts'
import type { Row } from '../../stores/rows.ts'
import { CONVERSIONS } from '../database/values.ts'

/** The driver returns our amounts, which are DECIMAL(19, 4), as exact numbers. */
const { toStoredView, toAggregate, toUnstoredView, toHistoryEntry, toRemovedEntry } = createOrderRows({
  ...CONVERSIONS,
  fromAmount: (amount) => amount,
})
export { toHistoryEntry, toRemovedEntry }

/** A view with the `seq` of its row, for a cursor. */
export interface Found {
  readonly seq: number
  readonly rank: number
  readonly view: OrderView
}

/** Converts the two results of SELECT_STORED to views. */
export function toStored(orders: readonly Row[], items: readonly Row[]): Found[] {
  const ofOrders = Map.groupBy(items, (item) => item['order_seq'])
  return orders.map((row) => ({
    seq: Number(row['seq']),
    rank: Number(row['rank_class']),
    view: toStoredView(row, ofOrders.get(row['seq']) ?? []),
  }))
}

/** Converts the two results of SELECT_STORED to aggregates, keyed by order id. */
export function toAggregates(orders: readonly Row[], items: readonly Row[]): Map<string, StoredOrder> {
  const ofOrders = Map.groupBy(items, (item) => item['order_seq'])
  return new Map(
    orders.map((row) => [
      CONVERSIONS.fromId(String(row['order_id'])),
      { seq: Number(row['seq']), order: toAggregate(row, ofOrders.get(row['seq']) ?? []) },
    ]),
  )
}

export interface StoredOrder {
  readonly seq: number
  readonly order: Order
}

export function toUnstored(states: readonly Row[]): Found[] {
  return states.map((row) => ({ seq: Number(row['seq']), rank: 0, view: toUnstoredView(row) }))
}
