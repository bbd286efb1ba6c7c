import { changeQuery } from '../../http/changes.ts'
import { MERGE_PATCH } from '../../http/protocol/json-body.ts'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import {
  EXAMPLE_AMENDED,
  EXAMPLE_AMENDMENT,
  EXAMPLE_APPLIED,
  EXAMPLE_CANCELLATION,
  EXAMPLE_CANCELLATION_RECEIPT,
  EXAMPLE_CANCELLED,
  EXAMPLE_CHANGE_ID,
  EXAMPLE_CHANGE_RECEIPT,
  EXAMPLE_REJECTED,
  EXAMPLE_WAITING,
} from '../examples/change-examples.ts'
import { EXAMPLE_ORDER } from '../examples/examples.ts'
import { jsonAnswer, jsonBody, link, NOT_MODIFIED, pageAnswer } from './operation.ts'
import type { Answer, Link, Links, OperationDescription, PathParameter } from './operation.ts'
import { ofThisOrder, ORDER_ID } from './order-operations.ts'

/** Descriptions of the routes that change orders and of those that return the changes. */

export const CHANGE_ID: PathParameter = {
  description: 'The id of the change, as returned when the change was requested.',
  schema: { type: 'string', format: 'uuid' },
  example: EXAMPLE_CHANGE_ID,
}

/** A link to a change. The ids of the change and of its order are at `place` in the response. */
function linkToChange(place: string, description: string): Link {
  const toChange = link('getOrderChange', 'changeId', `${place}/changeId`, description)
  const toOrder = link('getOrderChange', 'orderId', `${place}/orderId`, description)
  return { ...toChange, parameters: { ...toOrder.parameters, ...toChange.parameters } }
}

const ofThisChange: Links = {
  change: linkToChange('', 'Where the change stands.'),
  order: ofThisOrder.order,
}

const HEADERS = ['IfMatch', 'IdempotencyKey', 'Prefer', 'RequestId', 'Traceparent', 'Tracestate'] as const

/** The refusals and rejections; only a caller who waits gets a rejection as the response. */
const PROBLEMS: readonly ProblemCode[] = [
  'invalid-change',
  'order-not-found',
  'order-archived',
  'order-cancelled',
  'order-discarded',
  'version-conflict',
  'earlier-change-discarded',
  'overtaken',
  'constraint-violated',
  'conflict',
  'precondition-failed',
  'record-too-large',
  'idempotency-key-reused',
  'queue-full',
  'log-unavailable',
  'store-unavailable',
  'clock-wrong',
  'shutting-down',
]

const SEMANTICS =
  'The answer is 202 once the change is durable in the log. The change takes effect after all earlier events of the order. While one of them is being retried or is dead-lettered, the change waits, but other orders do not. With `Prefer: wait=N`, the answer is 200 with the order if the change took effect in time, and 409 if it was rejected in time. With `If-Match`, the change is valid only for that version of the order. If the customer of the order has been forgotten, a change with personal data is refused with 409 (`conflict`).'

function answers(order: unknown, receipt: unknown): Readonly<Record<number, Answer>> {
  const headers = ['Location', 'PreferenceApplied', 'IdempotentReplayed'] as const
  return {
    200: jsonAnswer('The change took effect within the requested wait: the order as it is now.', 'Order', {
      headers: ['ETag', ...headers],
      links: ofThisOrder,
      example: order,
    }),
    202: jsonAnswer('Accepted: durable in the log.', 'OrderChange', {
      headers: ['RetryAfter', ...headers],
      links: ofThisChange,
      example: receipt,
    }),
  }
}

export const CHANGE_OPERATIONS = {
  amendOrder: {
    summary: 'Amend an order',
    description: `A JSON merge patch (RFC 7396): each member replaces the order's member of the same name, and \`orderItems\` is replaced as a whole. The customer id and the currency cannot be changed. Unknown members are refused. ${SEMANTICS}`,
    path: { orderId: ORDER_ID },
    headers: HEADERS,
    body: {
      mediaType: MERGE_PATCH,
      schema: 'Amendment',
      required: true,
      examples: {
        address: { summary: 'A new address', value: EXAMPLE_AMENDMENT },
        items: {
          summary: 'New items, and their total',
          value: { orderItems: [EXAMPLE_ORDER.orderItems[0]], totalPrice: 119.9 },
        },
      },
    },
    answers: answers(EXAMPLE_AMENDED, EXAMPLE_CHANGE_RECEIPT),
    problems: PROBLEMS,
  },
  cancelOrder: {
    summary: 'Cancel an order',
    description: `A cancelled order is kept, with the reason for its cancellation, and cannot be changed again. The body, and with it the reason, is optional. ${SEMANTICS}`,
    path: { orderId: ORDER_ID },
    headers: HEADERS,
    body: jsonBody('Cancellation', { summary: 'With a reason', value: EXAMPLE_CANCELLATION }),
    answers: answers(EXAMPLE_CANCELLED, EXAMPLE_CANCELLATION_RECEIPT),
    problems: PROBLEMS,
  },
  listOrderChanges: {
    summary: 'List the changes to an order',
    description: 'In the order in which they take effect. A change that is only in the log is not in the list yet.',
    path: { orderId: ORDER_ID },
    query: changeQuery,
    answers: {
      200: pageAnswer('listOrderChanges', 'A page of changes.', 'OrderChangePage', {
        firstChange: linkToChange('/items/0', 'The first change on the page.'),
      }),
    },
    problems: ['order-not-found', 'order-archived', 'store-unavailable'],
  },
  getOrderChange: {
    summary: 'Get a change to an order',
    description:
      'The answer is never 404 for an id that was issued. Until the change reaches the store, its status is `accepted`; `lost` and the causes `record-lost` and `record-missing` mean the same as for an order. With `Prefer: wait=N`, the answer waits until the change is applied, rejected, dead-lettered or discarded.',
    path: { orderId: ORDER_ID, changeId: CHANGE_ID },
    headers: ['Prefer', 'IfNoneMatch'],
    answers: {
      200: {
        description: 'The change, with `Retry-After` while it is pending.',
        headers: ['ETag', 'RetryAfter', 'PreferenceApplied'],
        links: { order: ofThisOrder.order },
        content: {
          'application/json': {
            schema: 'OrderChange',
            examples: {
              applied: { summary: 'Applied', value: EXAMPLE_APPLIED },
              waiting: { summary: 'Waiting for the order, which is being retried', value: EXAMPLE_WAITING },
              rejected: { summary: 'Rejected, because the order was changed in the meantime', value: EXAMPLE_REJECTED },
            },
          },
        },
      },
      304: NOT_MODIFIED,
    },
    problems: ['invalid-request', 'change-not-found', 'order-archived', 'store-unavailable', 'shutting-down'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
