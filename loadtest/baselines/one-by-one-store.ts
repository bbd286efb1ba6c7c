import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'

/**
 * The obvious first store: one durable transaction for each order. The store has tables for orders and items, and a
 * primary key to prevent duplicates, but no history, search or ledger.
 */
export function openOneByOneStore() {
  const directory = mkdtempSync(join(tmpdir(), 'one-by-one-'))
  const db = new DatabaseSync(join(directory, 'orders.db'))
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE orders (id TEXT PRIMARY KEY, customer_id INTEGER, name TEXT, total REAL, json TEXT) STRICT;
    CREATE TABLE items (order_id TEXT, line INTEGER, code TEXT, quantity INTEGER, price REAL, PRIMARY KEY (order_id, line))
      STRICT;
  `)
  const insertOrder = db.prepare('INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
  const insertItem = db.prepare('INSERT INTO items VALUES (?, ?, ?, ?, ?)')
  let stored = 0
  return {
    get stored() {
      return stored
    },
    store(orderId: string, json: string) {
      const order = newOrderCommandSchema.parse(JSON.parse(json))
      db.exec('BEGIN IMMEDIATE')
      const name = `${order.customerName} ${order.customerLastName}`
      const { changes } = insertOrder.run(orderId, order.customerId, name, order.totalPrice, json)
      if (changes > 0) {
        for (const [line, { itemCode, quantity, price }] of order.orderItems.entries()) {
          insertItem.run(orderId, line, itemCode, quantity, price)
        }
      }
      db.exec('COMMIT')
      stored += Number(changes)
    },
    close() {
      db.close()
      rmSync(directory, { recursive: true })
    },
  }
}
