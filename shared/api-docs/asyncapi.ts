import { z } from 'zod'
import type { Config } from '../settings/config.ts'
import {
  CURRENCIES,
  MAX_ITEMS,
  loggedItemSchema,
  loggedOrderSchema,
  PAYMENT_METHODS,
} from '../domain/order-commands.ts'
import { NEW_ORDER_TYPE } from '../domain/order-events.ts'
import { topicSpecs, type Topics } from '../messaging/topics.ts'
import { EXAMPLE_ORDER, EXAMPLE_ORDER_ID } from './examples/examples.ts'
import { deadLetterHeaders, eventHeaders, retryHeaders } from './message-headers.ts'
import { API_VERSION } from './openapi.ts'
import { jsonSchema, type JsonObject } from './schemas/schemas.ts'

/** The schema that reads records, without the numbers that a command may use instead of names: they are never written. */
const newOrderDataSchema = loggedOrderSchema.extend({
  currencyType: z.enum(CURRENCIES),
  paymentMethodType: z.enum(PAYMENT_METHODS),
  orderItems: z
    .array(loggedItemSchema.extend({ currencyType: z.enum(CURRENCIES) }))
    .min(1)
    .max(MAX_ITEMS),
})

/** The version of AsyncAPI's Kafka bindings. */
const BINDING = { bindingVersion: '0.5.0' }
const KEY = { type: 'string', format: 'uuid', description: 'The order id: one order stays in one partition.' }

const DESCRIPTION = `An order that cannot be stored at once travels from the orders topic through the retry topics to the \
dead-letter topic. Every event is a CloudEvent 1.0. It is written in binary mode; events of other producers are read \
in structured mode (\`application/cloudevents+json\`) as well. Optional members may be added to the data of a version: \
readers ignore members that they do not know. The orders topic is the source of truth and keeps everything.`

const STORES_DUE = 'Stores records that are due, and waits for the next.'

/** The topics of this installation, their messages, and the groups that read them. */
export function createAsyncApi(topics: Topics, settings: Pick<Config, 'partitions' | 'replication'>): JsonObject {
  const specs = new Map(topicSpecs(topics, settings.partitions, settings.replication).map((spec) => [spec.name, spec]))

  function channel(topic: string, title: string, description: string, message: string): JsonObject {
    const { partitions, replication, config } = specs.get(topic) ?? { ...settings, config: {} }
    return {
      address: topic,
      title,
      description,
      messages: { [message]: { $ref: `#/components/messages/${message}` } },
      bindings: {
        kafka: { topic, partitions, replicas: replication, topicConfiguration: topicConfiguration(config), ...BINDING },
      },
    }
  }

  return {
    asyncapi: '3.0.0',
    info: { title: 'Order event processing', version: API_VERSION, description: DESCRIPTION, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    channels: {
      orders: channel(topics.orders, 'Orders', 'Every accepted order, kept for ever.', 'NewOrder'),
      ...Object.fromEntries(
        topics.retries.map(({ tier, topic, delayMs }) => [
          `retry${tier}`,
          channel(topic, `Retry ${tier}`, `Tried again ${delayMs / 1000} s after it failed.`, 'RetriedOrder'),
        ]),
      ),
      deadLetters: channel(
        topics.deadLetters,
        'Dead letters',
        'Records that cannot be stored, byte for byte, with their cause. Letters from other consumers of the orders are kept too, with any headers.',
        'DeadLetter',
      ),
    },
    operations: {
      placeOrder: operation('send', 'orders', 'NewOrder', 'An order was accepted, or a dead letter is redriven.'),
      storeOrders: operation('receive', 'orders', 'NewOrder', 'Stores orders, in batches.', topics.group),
      ...Object.fromEntries(
        topics.retries.flatMap(({ tier, group }) =>
          Object.entries({
            [`parkInRetry${tier}`]: operation('send', `retry${tier}`, 'RetriedOrder', `Attempt ${tier} failed.`),
            [`storeRetry${tier}`]: operation('receive', `retry${tier}`, 'RetriedOrder', STORES_DUE, group),
          }),
        ),
      ),
      parkDeadLetter: operation('send', 'deadLetters', 'DeadLetter', 'Failed for good.'),
      keepDeadLetters: operation(
        'receive',
        'deadLetters',
        'DeadLetter',
        'Keeps dead letters for operators to see and repair.',
        topics.deadLetterGroup,
      ),
    },
    components: {
      messages: {
        NewOrder: {
          ...message('NewOrder', 'An order was accepted', eventHeaders()),
          examples: [{ name: 'order', headers: exampleHeaders(), payload: EXAMPLE_ORDER }],
        },
        RetriedOrder: message('RetriedOrder', 'An order to retry', retryHeaders()),
        // A dead letter can have any bytes.
        DeadLetter: { ...message('DeadLetter', 'A record that could not be stored', deadLetterHeaders()), payload: {} },
      },
      schemas: { NewOrder: jsonSchema(newOrderDataSchema) },
    },
  }
}

function message(name: string, title: string, headers: JsonObject): JsonObject {
  return {
    name,
    title,
    contentType: 'application/json',
    headers,
    payload: { $ref: '#/components/schemas/NewOrder' },
    bindings: { kafka: { key: KEY, ...BINDING } },
  }
}

function operation(action: 'send' | 'receive', channel: string, name: string, summary: string, groupId?: string) {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    summary,
    messages: [{ $ref: `#/channels/${channel}/messages/${name}` }],
    ...(groupId !== undefined && { bindings: { kafka: { groupId: { type: 'string', enum: [groupId] }, ...BINDING } } }),
  }
}

/** The bindings have properties for a few of Kafka's settings, as lists and numbers where Kafka has text. */
function topicConfiguration(config: Readonly<Record<string, string>>): JsonObject {
  const known: Readonly<Record<string, (text: string) => unknown>> = {
    'cleanup.policy': (text) => text.split(','),
    'retention.ms': Number,
    'retention.bytes': Number,
    'max.message.bytes': Number,
  }
  const entries = Object.entries(known).flatMap(([name, convert]) => {
    const text = config[name]
    return text === undefined ? [] : [[name, convert(text)] as const]
  })
  return Object.fromEntries(entries)
}

function exampleHeaders(): JsonObject {
  return {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: EXAMPLE_ORDER_ID,
    ce_type: NEW_ORDER_TYPE,
    ce_source: '/orders',
    ce_time: '2026-01-31T12:00:00.000Z',
    ce_subject: EXAMPLE_ORDER_ID,
  }
}
