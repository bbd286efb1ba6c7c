import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'
import { openOneByOneStore } from './one-by-one-store.ts'
import { announce, kafkaSettings } from './settings.ts'

/**
 * The obvious first version: Express, zod, and one awaited send to Kafka for each request. Its consumer handles one
 * message at a time. Orders are validated as in the product.
 */
const { brokers, topic, group, partitions, isStoring } = kafkaSettings()
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR })
const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
await admin.disconnect()

const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
await producer.connect()

const consumer = kafka.consumer({ groupId: group })
const orders = openOneByOneStore()
if (isStoring) {
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => orders.store(String(message.key), String(message.value)),
  })
}

const app = express()
app.use(express.json({ limit: '1mb' }))
// Express 5 handles errors from async handlers.
// oxlint-disable-next-line oxc/no-async-endpoint-handlers
app.post('/api/orders', async (request, response) => {
  const order = newOrderCommandSchema.safeParse(request.body)
  if (!order.success) {
    response.status(400).json({ errors: order.error.issues })
    return
  }
  const orderId = randomUUID()
  await producer.send({ topic, acks: -1, messages: [{ key: orderId, value: JSON.stringify(order.data) }] })
  response.status(202).location(`/api/orders/${orderId}`).json({ orderId, status: 'accepted' })
})

app.get('/stored', (_, response) => void response.json({ stored: orders.stored }))

const server = app.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  void Promise.all([producer.disconnect(), consumer.disconnect()]).then(() => orders.close())
})
