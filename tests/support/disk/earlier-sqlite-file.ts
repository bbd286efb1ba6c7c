import type { DatabaseSync } from 'node:sqlite'
import { itemValues, orderValues } from '../../../shared/adapters/sqlite/orders/stored-orders.ts'
import { parsedOrder } from '../../../shared/adapters/stores/parsed-orders.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import { NOW } from '../../contract/store-fixtures.ts'

/**
 * Writes orders to a file that has an earlier version's schema, because today's code cannot write to such a file. The
 * full-text index is left for the test to fill.
 */
export function storeInEarlierFile(db: DatabaseSync, orders: readonly OrderToStore[]): void {
  for (const [index, order] of orders.map(parsedOrder).entries()) {
    const seq = index + 1
    insert(db, 'orders', [seq, ...orderValues(order, Date.parse(NOW), false)])
    for (const [line, item] of order.order.orderItems.entries()) {
      insert(db, 'order_items', [seq, line, ...itemValues(item)])
    }
  }
}

function insert(db: DatabaseSync, table: string, values: ReturnType<typeof orderValues>): void {
  const columns = db
    .prepare(`SELECT name FROM pragma_table_info('${table}')`)
    .all()
    .slice(0, values.length)
    .map(({ name }) => String(name))
  const places = columns.map(() => '?').join(', ')
  db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(...values.slice(0, columns.length))
}
