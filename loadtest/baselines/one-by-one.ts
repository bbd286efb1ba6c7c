import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kafka, logLevel } from 'kafkajs'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'
import { announce, kafkaSettings } from './settings.ts'

/**
 * The consumer that is written first: kafkajs, one message at a time, one durable transaction for each order. It keeps
 * orders and items and the one index that makes a repeated order one; no history, no search, no ledger.
 */
const { brokers } = kafkaSettings()
const topic = process.env['ORDERS_TOPIC'] ?? 'orders'
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

function store(orderId: string, json: string): void {
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
}

const consumer = new Kafka({ brokers, logLevel: logLevel.ERROR }).consumer({ groupId: `one-by-one-${process.pid}` })
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => store(String(message.key), String(message.value)),
})

const server = createServer((_, response) => response.end(JSON.stringify({ stored })))
server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  void consumer.disconnect().then(() => {
    db.close()
    rmSync(directory, { recursive: true })
  })
})
