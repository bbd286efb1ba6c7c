import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import Fastify from 'fastify'
import { z } from 'zod'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'
import { openOneByOneStore } from './one-by-one-store.ts'
import { announce, kafkaSettings } from './settings.ts'

/**
 * A baseline built from the fastest libraries: Fastify with its own validation, and @platformatic/kafka. Its consumer
 * handles one message at a time.
 */
const { brokers: bootstrapBrokers, topic, group, partitions, isStoring } = kafkaSettings()
const admin = new Admin({ clientId: 'baseline', bootstrapBrokers })
const topics = await admin.listTopics()
if (!topics.includes(topic)) await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
await admin.close()

const producer = new Producer({ clientId: 'baseline', bootstrapBrokers, serializers: stringSerializers })

const orders = openOneByOneStore()
const consumer = new Consumer({
  clientId: 'baseline',
  groupId: group,
  bootstrapBrokers,
  deserializers: stringDeserializers,
})
if (isStoring) void consume()

async function consume(): Promise<void> {
  const messages = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: 1000 })
  for await (const { key, value } of messages) orders.store(key, value)
}

const { $schema, ...body } = z.toJSONSchema(newOrderCommandSchema, { io: 'input', target: 'draft-7' })
void $schema

// As binary fractions, most prices are not exact multiples of 0.0001, so they would be refused without this precision.
const ajv = { customOptions: { multipleOfPrecision: 6 } }
const app = Fastify({ bodyLimit: 1024 * 1024, forceCloseConnections: true, ajv })
app.post('/api/orders', { schema: { body } }, async (request, reply) => {
  const orderId = randomUUID()
  const message = { topic, key: orderId, value: JSON.stringify(request.body) }
  await producer.send({ messages: [message], acks: ProduceAcks.ALL })
  return reply.code(202).header('location', `/api/orders/${orderId}`).send({ orderId, status: 'accepted' })
})

app.get('/stored', () => ({ stored: orders.stored }))

await app.listen({ port: 0, host: '127.0.0.1' })
announce((app.server.address() as AddressInfo).port)
process.once('SIGTERM', () => {
  void app
    .close()
    .then(() => Promise.all([producer.close(), consumer.close(true)]))
    .then(() => orders.close())
})
