import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { AcceptedOrder, PlaceOrder } from '../application/orders/place-order.ts'
import type { WaitUntilSettled } from '../application/orders/wait-until-settled.ts'
import { newOrderCommand } from '../domain/order-commands.ts'
import { isFinal, isInStore, type OrderView } from '../domain/order-view.ts'
import { unknownMembers } from '../domain/unknown-members.ts'
import type { OrderViews } from '../ports/order-views.ts'
import { acceptedHeaders, acceptOptionsOf, ifSettled, unlessArchived } from './accepting.ts'
import { json } from './protocol/answer.ts'
import { readJson } from './protocol/json-body.ts'
import { waitSeconds } from './protocol/preferences.ts'
import { validated } from './protocol/validated.ts'

/** The part of a response that lists the members of the body that were left out. */
export interface Ignored {
  /** JSON pointers to unknown members, so that a misspelt member is not lost silently; absent if there are none. */
  readonly ignored?: readonly string[]
}

/**
 * Places the order in the request. Responds with 202 once the order is durable, or with 201 if the caller waits and the
 * order is stored in time.
 */
export async function placeOrder(
  request: HttpRequest,
  use: { placeOrder: PlaceOrder; waitForOrder: WaitUntilSettled<OrderView>; views: Pick<OrderViews, 'archivedAt'> },
): Promise<HttpResponseInit> {
  const options = acceptOptionsOf(request)
  const body = await readJson(request)
  const command = validated(newOrderCommand, body, 'invalid-order')
  const ignored = unknownMembers(body)
  const accepted = await use.placeOrder(command, options)
  const wait = waitSeconds(request)
  const headers = acceptedHeaders(`/api/orders/${accepted.orderId}`, wait, accepted)
  const settled = unlessArchived(use.waitForOrder, accepted.orderId, accepted, use.views)
  const view = wait === 0 ? undefined : await ifSettled(settled, accepted.orderId, wait * 1000)
  if (view !== undefined && isInStore(view)) return json(201, withIgnored(view, ignored), headers)
  return json(202, withIgnored(receipt(accepted, view), ignored), { ...headers, 'retry-after': '1' })
}

export function withIgnored<T extends object>(answer: T, ignored: readonly string[]): T & Ignored {
  return ignored.length === 0 ? answer : { ...answer, ignored }
}

function receipt({ orderId, acceptedAt }: AcceptedOrder, view: OrderView | undefined): OrderView {
  return view !== undefined && isFinal(view) ? view : { orderId, acceptedAt, status: 'accepted' }
}
