import { customerSearchQuery, listQuery, searchQuery } from '../../http/orders.ts'
import type { RouteName } from '../../http/routes.ts'
import { EXAMPLE_CANCELLED } from '../examples/change-examples.ts'
import { EXAMPLE_ORDER, EXAMPLE_RECEIPT, EXAMPLE_RETRYING, EXAMPLE_STORED } from '../examples/examples.ts'
import {
  jsonAnswer,
  link,
  pageAnswer,
  NOT_MODIFIED,
  type Answer,
  type OperationDescription,
  type PathParameter,
} from './operation.ts'

/** Descriptions of the order routes. A new route needs a row in shared/http/routes.ts and a description here. */

export const ORDER_ID: PathParameter = {
  description: 'The id that POST /api/orders returned.',
  schema: { type: 'string', format: 'uuid' },
  example: EXAMPLE_RECEIPT.orderId,
}

/** Links from a response that contains an order id. */
export const ofThisOrder = {
  order: link('getOrder', 'orderId', '/orderId', 'Where the order stands.'),
  history: link('orderHistory', 'orderId', '/orderId', 'The history of the order.'),
  changes: link('listOrderChanges', 'orderId', '/orderId', 'The changes to the order.'),
}

function page(operationId: RouteName): Answer {
  const firstOrder = link('getOrder', 'orderId', '/items/0/orderId', 'The first order on the page.')
  return pageAnswer(operationId, 'A page of orders.', 'OrderPage', { firstOrder })
}

const placeOrder: OperationDescription = {
  summary: 'Place an order',
  description:
    'The answer is 202 once the order is durable in the log, before it is stored. From then on it cannot be lost. With `Prefer: wait=N`, the answer is 201 with the stored order if it is stored in time. Unknown members are left out and named in `ignored`.',
  headers: ['IdempotencyKey', 'Prefer', 'RequestId', 'Traceparent', 'Tracestate'],
  body: {
    schema: 'OrderCommand',
    required: true,
    examples: {
      order: { summary: 'An order', value: EXAMPLE_ORDER },
      reference: {
        summary: "With the caller's own reference and metadata",
        value: { ...EXAMPLE_ORDER, reference: 'WEB-10482', metadata: { channel: 'web', campaign: 'spring' } },
      },
      numbers: {
        summary: 'With numbers for the currencies and the payment method, as in the original application',
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
    201: jsonAnswer('Stored within the requested wait.', 'PlacedOrder', {
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
              summary: 'Accepted, with an unknown member left out',
              value: { ...EXAMPLE_RECEIPT, ignored: ['/externalOrderId'] },
            },
          },
        },
      },
      links: ofThisOrder,
    },
  },
  problems: [
    'invalid-order',
    'record-too-large',
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
    description: 'POST /api/Order of the original application. It does the same as POST /api/orders.',
  },
  listOrders: {
    summary: 'List orders',
    description:
      'Newest first, a page at a time. Orders that arrive while you read the pages cause no repetitions or gaps. Without `status`, the list contains all the orders that were stored, including those that have been cancelled since. Orders that are accepted but not processed yet are only in the log, so no list contains them. `from` is inclusive, and `to` is exclusive. This route is also GET /api/Orders of the original application.',
    query: listQuery,
    answers: { 200: page('listOrders') },
    problems: ['store-unavailable'],
  },
  searchOrders: {
    summary: 'Search orders',
    description:
      'Searches customer names, item descriptions and codes, e-mail addresses and order ids; best match first. Every word must occur, whole or as a prefix. Case and accents do not matter: `lukasz` finds Łukasz, `gross` finds Groß, `oconnor` finds O’Connor, and `龍` finds 小龍. An order id is found whole or by its last twelve digits.',
    query: searchQuery,
    answers: { 200: page('searchOrders') },
    problems: ['store-unavailable'],
  },
  searchCustomers: {
    summary: 'Search orders by customer name (original route)',
    description: 'GET /api/Orders/customerSearch/{text} of the original application. Searches customer names only.',
    path: {
      text: {
        description: 'Words, or prefixes of words.',
        schema: { type: 'string', minLength: 1, maxLength: 200 },
        example: 'alex exa',
      },
    },
    query: customerSearchQuery,
    answers: { 200: page('searchCustomers') },
    problems: ['store-unavailable'],
  },
  getOrder: {
    summary: 'Get an order',
    description:
      'The answer is never 404 for an id that was issued. Until the order reaches the store, its status is `accepted`. If its record is known to have left the log before it was processed, the status is `lost`, with the cause `record-lost`. If its record may be damaged or lost, the status stays `accepted`, with the cause `record-missing`. An order with an Idempotency-Key is never `lost`, because its request may be sent again. With `Prefer: wait=N`, the answer waits until the order is stored, dead-lettered or discarded. The ETag begins with the order’s version; changes take it in `If-Match`.',
    path: { orderId: ORDER_ID },
    headers: ['Prefer', 'IfNoneMatch'],
    answers: {
      200: {
        description: 'The order, with `Retry-After` while it is pending.',
        headers: ['ETag', 'RetryAfter', 'PreferenceApplied'],
        links: { history: ofThisOrder.history, changes: ofThisOrder.changes },
        content: {
          'application/json': {
            schema: 'Order',
            examples: {
              stored: { summary: 'Stored', value: EXAMPLE_STORED },
              cancelled: { summary: 'Cancelled, after an amendment', value: EXAMPLE_CANCELLED },
              retrying: { summary: 'Being retried', value: EXAMPLE_RETRYING },
            },
          },
        },
      },
      304: NOT_MODIFIED,
    },
    problems: ['invalid-request', 'order-not-found', 'order-archived', 'store-unavailable', 'shutting-down'],
  },
  orderHistory: {
    summary: 'Get the history of an order',
    description:
      'Oldest first: accepted, each failed attempt, stored, dead-lettered, redriven, and what happened to each change. If entries were removed because of their age, `entries-removed` says so.',
    path: { orderId: ORDER_ID },
    answers: { 200: jsonAnswer('The history.', 'OrderHistory') },
    problems: ['invalid-request', 'order-not-found', 'order-archived', 'store-unavailable'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
