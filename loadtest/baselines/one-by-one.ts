import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { openOneByOneStore } from './one-by-one-store.ts'
import { announce, kafkaSettings } from './settings.ts'

/** The obvious first consumer: kafkajs, one message at a time. */
const { brokers } = kafkaSettings()
const topic = process.env['ORDERS_TOPIC'] ?? 'orders'
const orders = openOneByOneStore()
const consumer = new Kafka({ brokers, logLevel: logLevel.ERROR }).consumer({ groupId: `one-by-one-${process.pid}` })
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => orders.store(String(message.key), String(message.value)),
})

const server = createServer((_, response) => response.end(JSON.stringify({ stored: orders.stored })))
server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  void consumer.disconnect().then(() => orders.close())
})
