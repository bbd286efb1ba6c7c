import { customerSearchQuery, listQuery, searchQuery } from '../../http/orders.ts'
import type { RouteName } from '../../http/routes.ts'
import { EXAMPLE_ORDER, EXAMPLE_RECEIPT, EXAMPLE_RETRYING, EXAMPLE_STORED } from '../examples/examples.ts'
import {
  jsonAnswer,
  nextPage,
  NOT_MODIFIED,
  type Answer,
  type Links,
  type OperationDescription,
  type PathParameter,
} from './operation.ts'

/** The routes of orders. Adding one: a route in shared/http/routes.ts, and what it does here. */

const ORDER_ID: PathParameter = {
  description: 'As POST /api/orders gave it.',
  schema: { type: 'string', format: 'uuid' },
  example: EXAMPLE_RECEIPT.orderId,
}

/** From an answer that names an order. */
const ofThisOrder = {
  order: {
    operationId: 'getOrder',
    description: 'Where the order stands.',
    parameters: { orderId: '$response.body#/orderId' },
  },
  history: {
    operationId: 'orderHistory',
    description: 'What happened to it.',
    parameters: { orderId: '$response.body#/orderId' },
  },
} as const satisfies Links

function page(operationId: RouteName): Answer {
  return jsonAnswer('A page of orders.', 'OrderPage', {
    headers: ['Link'],
    links: {
      nextPage: nextPage(operationId),
      firstOrder: {
        operationId: 'getOrder',
        description: 'The first order of the page.',
        parameters: { orderId: '$response.body#/items/0/orderId' },
      },
    },
  })
}

const placeOrder: OperationDescription = {
  tag: 'Orders',
  summary: 'Place an order',
  description:
    'Answers 202 once the order is durable in the log, before it is stored: from then on it is not lost. With `Prefer: wait=N` the answer is 201 with the stored order if that happens in time. Members that an order does not have are left out and named in `ignored`.',
  headers: ['IdempotencyKey', 'Prefer', 'RequestId', 'Traceparent', 'Tracestate'],
  body: {
    schema: 'OrderCommand',
    required: true,
    examples: {
      order: { summary: 'An order', value: EXAMPLE_ORDER },
      reference: {
        summary: "With the caller's own reference and texts",
        value: { ...EXAMPLE_ORDER, reference: 'WEB-10482', metadata: { channel: 'web', campaign: 'spring' } },
      },
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
    201: jsonAnswer('Stored, within the wait that was asked for.', 'PlacedOrder', {
      headers: ['Location', 'PreferenceApplied', 'IdempotentReplayed'],
      links: ofThisOrder,
    }),
    202: {
      description: 'Accepted: durable in the log.',
      headers: ['Location', 'RetryAfter', 'PreferenceApplied', 'IdempotentReplayed'],
      content: {
        'application/json': {
          schema: 'PlacedOrder',
          examples: {
            accepted: { summary: 'Accepted', value: EXAMPLE_RECEIPT },
            ignored: {
              summary: 'Accepted without a member that no order has',
              value: { ...EXAMPLE_RECEIPT, ignored: ['/externalOrderId'] },
            },
          },
        },
      },
      links: ofThisOrder,
    },
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
      'Newest first, a page at a time; orders that arrive meanwhile neither repeat nor hide any. Without `status`, the stored ones; orders that are accepted and not processed yet are in the log alone, and in no list. `from` is inclusive, `to` is not. GET /api/Orders of the original application is this route.',
    query: listQuery,
    answers: { 200: page('listOrders') },
    problems: ['invalid-request', 'store-unavailable'],
  },
  searchOrders: {
    tag: 'Orders',
    summary: 'Search orders',
    description:
      'Full text over customer names, item descriptions and codes, e-mail addresses and order ids, best first: every word must be there, whole or as a beginning, in any case and with or without accents. `lukasz` finds Łukasz, `gross` finds Groß, `oconnor` finds O’Connor, and `龍` finds 小龍. An order id is found whole or by its last twelve digits.',
    query: searchQuery,
    answers: { 200: page('searchOrders') },
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
    answers: { 200: page('searchCustomers') },
    problems: ['invalid-request', 'store-unavailable'],
  },
  getOrder: {
    tag: 'Orders',
    summary: 'Where an order stands',
    description:
      'An id that was issued is never answered with 404: before the order reaches the store its status is `accepted`. It stays so, with the cause `record-missing`, when the log can no longer give the record of the order, as far as that can be told. With `Prefer: wait=N`, waits until the order is stored, dead-lettered or discarded.',
    path: { orderId: ORDER_ID },
    headers: ['Prefer', 'IfNoneMatch'],
    answers: {
      200: {
        description: 'The order. `Retry-After` while it is pending.',
        headers: ['ETag', 'RetryAfter', 'PreferenceApplied'],
        links: { history: ofThisOrder.history },
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
    answers: { 200: jsonAnswer('The timeline.', 'OrderHistory') },
    problems: ['invalid-request', 'order-not-found', 'store-unavailable'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
