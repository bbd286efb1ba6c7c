import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Admin, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'
import Fastify from 'fastify'
import { z } from 'zod'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'
import { announce, kafkaSettings } from './settings.ts'

/** What is written by someone who looked for the quickest parts: Fastify with its own validation, @platformatic/kafka. */
const { brokers: bootstrapBrokers, topic, partitions } = kafkaSettings()
const admin = new Admin({ clientId: 'baseline', bootstrapBrokers })
const topics = await admin.listTopics()
if (!topics.includes(topic)) await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
await admin.close()

const producer = new Producer({ clientId: 'baseline', bootstrapBrokers, serializers: stringSerializers })

const { $schema, ...body } = z.toJSONSchema(newOrderCommandSchema, { io: 'input', target: 'draft-7' })
void $schema

// Binary fractions are no exact multiples of 0.0001: without the precision good prices would be refused.
const ajv = { customOptions: { multipleOfPrecision: 6 } }
const app = Fastify({ bodyLimit: 1024 * 1024, forceCloseConnections: true, ajv })
app.post('/api/orders', { schema: { body } }, async (request, reply) => {
  const orderId = randomUUID()
  const message = { topic, key: orderId, value: JSON.stringify(request.body) }
  await producer.send({ messages: [message], acks: ProduceAcks.ALL })
  return reply.code(202).header('location', `/api/orders/${orderId}`).send({ orderId, status: 'accepted' })
})

await app.listen({ port: 0, host: '127.0.0.1' })
announce((app.server.address() as AddressInfo).port)
process.once('SIGTERM', () => {
  void app.close().then(() => producer.close())
})
