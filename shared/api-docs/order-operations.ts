import { listQuery, searchQuery, customerSearchQuery } from '../http/order-queries.ts'
import type { RouteName } from '../http/routes.ts'
import { EXAMPLE_HISTORY, EXAMPLE_ORDER, EXAMPLE_RECEIPT, EXAMPLE_RETRYING, EXAMPLE_STORED } from './examples.ts'
import { jsonAnswer, NOT_MODIFIED, type OperationDescription, type PathParameter } from './operation.ts'

/** The routes of orders. Adding one: a route in shared/http/routes.ts, and what it does here. */

const UUID = '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[78][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$'

const ORDER_ID: PathParameter = {
  description: 'As POST /api/orders gave it.',
  schema: { type: 'string', pattern: UUID },
  example: EXAMPLE_RECEIPT.orderId,
}

const PAGE = { items: [EXAMPLE_STORED], nextCursor: null }
const page = jsonAnswer('A page of orders.', 'OrderPage', { headers: ['Link'], example: PAGE })

const placeOrder: OperationDescription = {
  tag: 'Orders',
  summary: 'Place an order',
  description:
    'Answers 202 once the order is durable in the log, before it is stored: from then on it is not lost. With `Prefer: wait=N` the answer is 201 with the stored order if that happens in time. Members that are not named are ignored.',
  headers: ['IdempotencyKey', 'Prefer', 'Traceparent'],
  body: {
    schema: 'NewOrder',
    required: true,
    examples: {
      order: { summary: 'An order', value: EXAMPLE_ORDER },
      numbers: {
        summary: 'With numbers for currencies and payment, as the original application has them',
        value: {
          ...EXAMPLE_ORDER,
          currencyType: 1,
          paymentMethodType: 4,
          orderItems: [{ ...EXAMPLE_ORDER.orderItems[0], currencyType: 1 }],
        },
      },
    },
  },
  answers: {
    201: jsonAnswer('Stored, within the wait that was asked for.', 'Order', {
      headers: ['Location', 'PreferenceApplied'],
      example: EXAMPLE_STORED,
    }),
    202: jsonAnswer('Accepted: durable in the log.', 'Order', {
      headers: ['Location', 'RetryAfter', 'PreferenceApplied'],
      example: EXAMPLE_RECEIPT,
    }),
  },
  problems: [
    'malformed-json',
    'invalid-order',
    'invalid-request',
    'payload-too-large',
    'record-too-large',
    'unsupported-media-type',
    'idempotency-key-reused',
    'queue-full',
    'log-unavailable',
    'clock-wrong',
    'shutting-down',
  ],
}

export const ORDER_OPERATIONS = {
  placeOrder,
  placeOrderOriginal: {
    ...placeOrder,
    summary: 'Place an order (original route)',
    description: 'POST /api/Order of the original application: the same as POST /api/orders.',
  },
  listOrders: {
    tag: 'Orders',
    summary: 'List orders',
    description:
      'Newest first, a page at a time; orders that arrive meanwhile neither repeat nor hide any. Without `status`, the stored ones. `from` is inclusive, `to` is not. GET /api/Orders of the original application is this route.',
    query: listQuery,
    answers: { 200: page },
    problems: ['invalid-request', 'store-unavailable'],
  },
  searchOrders: {
    tag: 'Orders',
    summary: 'Search orders',
    description:
      'Full text over customer names and item descriptions, best first: every word must be there, whole or as a beginning, in any case and with or without accents.',
    query: searchQuery,
    answers: { 200: page },
    problems: ['invalid-request', 'store-unavailable'],
  },
  searchCustomers: {
    tag: 'Orders',
    summary: 'Search orders by customer name (original route)',
    description: 'GET /api/Orders/customerSearch/{text} of the original application: looks in customer names only.',
    path: {
      text: {
        description: 'Words, or beginnings of words.',
        schema: { type: 'string', minLength: 1, maxLength: 200 },
        example: 'alex exa',
      },
    },
    query: customerSearchQuery,
    answers: { 200: page },
    problems: ['invalid-request', 'store-unavailable'],
  },
  getOrder: {
    tag: 'Orders',
    summary: 'Where an order stands',
    description:
      'An id that was issued is never answered with 404: before the order reaches the store its status is `accepted`. With `Prefer: wait=N`, waits until the order is stored, dead-lettered or discarded.',
    path: { orderId: ORDER_ID },
    headers: ['Prefer', 'IfNoneMatch'],
    answers: {
      200: {
        description: 'The order. `Retry-After` while it is pending.',
        headers: ['ETag', 'RetryAfter', 'PreferenceApplied'],
        content: {
          'application/json': {
            schema: 'Order',
            examples: {
              stored: { summary: 'Stored', value: EXAMPLE_STORED },
              retrying: { summary: 'Being retried', value: EXAMPLE_RETRYING },
            },
          },
        },
      },
      304: NOT_MODIFIED,
    },
    problems: ['invalid-request', 'order-not-found', 'store-unavailable', 'shutting-down'],
  },
  orderHistory: {
    tag: 'Orders',
    summary: 'What happened to an order',
    description: 'Oldest first: accepted, each attempt that failed, stored, dead-lettered, redriven.',
    path: { orderId: ORDER_ID },
    answers: { 200: jsonAnswer('The timeline.', 'OrderHistory', { example: EXAMPLE_HISTORY }) },
    problems: ['invalid-request', 'order-not-found', 'store-unavailable'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
