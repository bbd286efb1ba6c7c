import { z } from 'zod'
import type { Config } from '../settings/config.ts'
import { MAX_ITEMS, loggedItemSchema, loggedOrderSchema } from '../domain/order-commands.ts'
import { CURRENCIES, PAYMENT_METHODS } from '../domain/order-choices.ts'
import { durationInWords } from '../domain/times.ts'
import { loggedAmendmentSchema } from '../domain/changes/order-changes.ts'
import { CHANGE_TYPES, NEW_ORDER_TYPE } from '../domain/order-events.ts'
import { amendedSchema, cancelledSchema } from '../domain/validation/event-data.ts'
import { topicSpecs, type Topics } from '../messaging/topics.ts'
import {
  EXAMPLE_AMENDMENT,
  EXAMPLE_CANCELLATION,
  EXAMPLE_CANCELLATION_RECEIPT,
  EXAMPLE_CHANGE_RECEIPT,
} from './examples/change-examples.ts'
import { EXAMPLE_ORDER, EXAMPLE_RECEIPT } from './examples/examples.ts'
import { deadLetterHeaders, eventHeaders, retryHeaders } from './message-headers.ts'
import { API_VERSION } from './version.ts'
import { jsonSchema, type JsonObject } from './schemas/schemas.ts'

/**
 * The schemas for records, without the numbers that a command may use instead of names, because these numbers are never
 * written to the log.
 */
const newOrderDataSchema = loggedOrderSchema.extend({
  currencyType: z.enum(CURRENCIES),
  paymentMethodType: z.enum(PAYMENT_METHODS),
  orderItems: z
    .array(loggedItemSchema.extend({ currencyType: z.enum(CURRENCIES) }))
    .min(1)
    .max(MAX_ITEMS),
})

const { paymentMethodType, orderItems } = newOrderDataSchema.shape
const orderAmendedDataSchema = amendedSchema.extend({
  changes: z
    .object({
      ...loggedAmendmentSchema.shape,
      paymentMethodType: z.exactOptional(paymentMethodType),
      orderItems: z.exactOptional(orderItems),
    })
    .meta({ minProperties: 1, description: 'The members that are replaced; the others stay as they are.' }),
})

/** The events of the orders topic. Each event's name is also the name of its message and schema. */
const EVENTS = {
  NewOrder: {
    type: NEW_ORDER_TYPE,
    title: 'An order was accepted',
    retried: 'RetriedOrder',
    data: newOrderDataSchema,
    example: { id: EXAMPLE_RECEIPT.orderId, receipt: EXAMPLE_RECEIPT, payload: EXAMPLE_ORDER },
  },
  OrderAmended: {
    type: CHANGE_TYPES.amend,
    title: 'An amendment to an order was accepted',
    retried: 'RetriedAmendment',
    data: orderAmendedDataSchema,
    example: {
      id: EXAMPLE_CHANGE_RECEIPT.changeId,
      receipt: EXAMPLE_CHANGE_RECEIPT,
      payload: { changes: EXAMPLE_AMENDMENT, expectedVersion: 1 },
    },
  },
  OrderCancelled: {
    type: CHANGE_TYPES.cancel,
    title: 'A cancellation of an order was accepted',
    retried: 'RetriedCancellation',
    data: cancelledSchema,
    example: {
      id: EXAMPLE_CANCELLATION_RECEIPT.changeId,
      receipt: EXAMPLE_CANCELLATION_RECEIPT,
      payload: EXAMPLE_CANCELLATION,
    },
  },
}
const IN_ORDERS = Object.keys(EVENTS)
const IN_RETRIES = Object.values(EVENTS).map(({ retried }) => retried)

/** The version of AsyncAPI's Kafka bindings. */
const BINDING = { bindingVersion: '0.5.0' }
const KEY = {
  type: 'string',
  format: 'uuid',
  description: 'The order id: all events of one order stay in one partition, in sequence.',
}

const DESCRIPTION = `An order that cannot be stored at once travels from the orders topic through the retry topics and, if its \
retries are used up, to the dead-letter topic. Every event is a CloudEvent 1.0. This product writes binary mode; events \
from other producers may also be in structured mode (\`application/cloudevents+json\`). An event for a change says only \
that the change was accepted. Whether the change is applied or rejected is decided when its turn comes, after all earlier \
events of the order. Optional members may be added to the data without a new version, so readers must ignore members \
that they do not know. The orders topic is the source of truth.`

const STORES_DUE = 'Stores records that are due, and waits for the next one.'

/** The topics of this installation, their messages, and the groups that consume them. */
export function createAsyncApi(
  topics: Topics,
  settings: Pick<Config, 'partitions' | 'replication' | 'logRetentionMs'>,
): JsonObject {
  const { logRetentionMs } = settings
  const allSpecs = topicSpecs(topics, settings.partitions, settings.replication, logRetentionMs)
  const specs = new Map(allSpecs.map((spec) => [spec.name, spec]))

  function channel(topic: string, title: string, description: string, messages: readonly string[]): JsonObject {
    const { partitions, replication, config } = specs.get(topic) ?? { ...settings, config: {} }
    return {
      address: topic,
      title,
      description,
      messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
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
      orders: channel(
        topics.orders,
        'Orders',
        `Every accepted order and every accepted change to an order, kept ${logRetentionMs === null ? 'forever' : `for ${durationInWords(logRetentionMs)}`}.`,
        IN_ORDERS,
      ),
      ...Object.fromEntries(
        topics.retries.map(({ tier, topic, delayMs }) => [
          `retry${tier}`,
          channel(
            topic,
            `Retry ${tier}`,
            `Records that are retried ${delayMs / 1000} s after they failed.`,
            IN_RETRIES,
          ),
        ]),
      ),
      deadLetters: channel(
        topics.deadLetters,
        'Dead letters',
        'Records that cannot be stored, kept byte for byte and with their cause. Letters from other consumers of the orders topic are also kept, whatever their headers.',
        ['DeadLetter'],
      ),
    },
    operations: {
      placeOrder: operation('send', 'orders', ['NewOrder'], 'An order was accepted, or its dead letter was redriven.'),
      amendOrder: operation(
        'send',
        'orders',
        ['OrderAmended'],
        'An amendment was accepted, or its dead letter was redriven.',
      ),
      cancelOrder: operation(
        'send',
        'orders',
        ['OrderCancelled'],
        'A cancellation was accepted, or its dead letter was redriven.',
      ),
      storeOrders: operation('receive', 'orders', IN_ORDERS, 'Stores orders and changes, in batches.', topics.group),
      ...Object.fromEntries(
        topics.retries.flatMap(({ tier, group }) =>
          Object.entries({
            [`parkInRetry${tier}`]: operation('send', `retry${tier}`, IN_RETRIES, `Attempt ${tier} failed.`),
            [`storeRetry${tier}`]: operation('receive', `retry${tier}`, IN_RETRIES, STORES_DUE, group),
          }),
        ),
      ),
      parkDeadLetter: operation('send', 'deadLetters', ['DeadLetter'], 'A record failed for good.'),
      keepDeadLetters: operation(
        'receive',
        'deadLetters',
        ['DeadLetter'],
        'Keeps dead letters for operators to see and repair.',
        topics.deadLetterGroup,
      ),
    },
    components: {
      messages: {
        ...Object.fromEntries(Object.entries(EVENTS).flatMap(([name, event]) => messagesOf(name, event))),
        // A dead letter can contain any bytes.
        DeadLetter: message('DeadLetter', 'A record that could not be stored', deadLetterHeaders(), {}),
      },
      schemas: Object.fromEntries(Object.entries(EVENTS).map(([name, { data }]) => [name, jsonSchema(data)])),
    },
  }
}

/** The event as published and as retried. */
function messagesOf(name: string, { type, title, retried, example }: (typeof EVENTS)[keyof typeof EVENTS]) {
  const payload = { $ref: `#/components/schemas/${name}` }
  const examples = [{ name: 'example', headers: exampleHeaders(type, example), payload: example.payload }]
  return [
    [name, { ...message(name, title, eventHeaders(type), payload), examples }],
    [retried, message(retried, `${title} and is being retried`, retryHeaders(), payload)],
  ] as const
}

function message(name: string, title: string, headers: JsonObject, payload: JsonObject): JsonObject {
  return {
    name,
    title,
    contentType: 'application/json',
    headers,
    payload,
    bindings: { kafka: { key: KEY, ...BINDING } },
  }
}

function operation(
  action: 'send' | 'receive',
  channel: string,
  names: readonly string[],
  summary: string,
  groupId?: string,
) {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    summary,
    messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
    ...(groupId !== undefined && { bindings: { kafka: { groupId: { type: 'string', enum: [groupId] }, ...BINDING } } }),
  }
}

/** The bindings contain properties for a few of Kafka's settings, as lists and numbers where Kafka uses text. */
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

function exampleHeaders(type: string, { id, receipt }: (typeof EVENTS)[keyof typeof EVENTS]['example']): JsonObject {
  return {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: type,
    ce_source: '/orders',
    ce_time: receipt.acceptedAt,
    ce_subject: receipt.orderId,
  }
}
