import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import { z } from 'zod'
import { ifAvailable } from '../application/orders/answered-in-time.ts'
import type { AcceptedChange, ChangeOrder } from '../application/orders/change-order.ts'
import type { WhyUnseen } from '../application/orders/why-unseen.ts'
import type { WaitUntilSettled } from '../application/orders/wait-until-settled.ts'
import { isSettled, type ChangeView } from '../domain/changes/change-view.ts'
import { OrderError } from '../domain/errors.ts'
import type { OrderChange } from '../domain/changes/order-changes.ts'
import { issuedAt, type OrderIds } from '../domain/order-id.ts'
import type { OrderViews } from '../ports/order-views.ts'
import { acceptedHeaders, acceptOptionsOf, ifSettled, unlessArchived } from './accepting.ts'
import { readAmendment, readCancellation } from './change-bodies.ts'
import { askAgain, orderIdIn, uuidIn, versionOf } from './orders.ts'
import { etagOf, json } from './protocol/answer.ts'
import { expectedVersionOf } from './protocol/if-match.ts'
import { hasBody, MERGE_PATCH, readJson } from './protocol/json-body.ts'
import { waitSeconds } from './protocol/preferences.ts'
import { PROBLEMS, type ProblemCode } from './protocol/problem.ts'
import { pageQuery } from './protocol/query.ts'

/** The parameters of GET /api/orders/{orderId}/changes. */
export const changeQuery = z.object(pageQuery)

interface Use {
  readonly changeOrder: ChangeOrder
  readonly waitForChange: WaitUntilSettled<ChangeView>
  readonly views: Pick<OrderViews, 'get' | 'archivedAt'>
}

/**
 * PATCH: responds with 202 as soon as the amendment is durable. If the caller waits and the change is decided in time,
 * responds with 200 and the order, or with the reason for the rejection.
 */
export async function amendOrder(request: HttpRequest, use: Use): Promise<HttpResponseInit> {
  return changeOrder(request, use, async () => {
    return { kind: 'amend', amendment: readAmendment(await readJson(request, MERGE_PATCH)) }
  })
}

/** POST: handles a cancellation like an amendment. The body may be absent. */
export async function cancelOrder(request: HttpRequest, use: Use): Promise<HttpResponseInit> {
  return changeOrder(request, use, async () => {
    return { kind: 'cancel', ...readCancellation(hasBody(request) ? await readJson(request) : {}) }
  })
}

async function changeOrder(
  request: HttpRequest,
  use: Use,
  readChange: () => Promise<OrderChange>,
): Promise<HttpResponseInit> {
  const orderId = orderIdIn(request)
  const options = acceptOptionsOf(request)
  const expectedVersion = expectedVersionOf(request)
  const change = { ...(await readChange()), ...(expectedVersion !== undefined && { expectedVersion }) }
  const accepted = await use.changeOrder(orderId, change, options)
  const { changeId } = accepted
  const wait = waitSeconds(request)
  const headers = acceptedHeaders(`/api/orders/${orderId}/changes/${changeId}`, wait, accepted)
  const settled = unlessArchived(use.waitForChange, orderId, accepted, use.views)
  const view = wait === 0 ? undefined : await ifSettled(settled, changeId, wait * 1000)
  if (view?.status === 'rejected') throw rejected(view)
  // The change has taken effect, even if the store is unavailable a moment later, when the order is queried.
  const order = view?.status === 'applied' ? await ifAvailable(use.views.get(orderId)) : undefined
  if (order !== undefined) {
    return json(200, order, { ...headers, etag: etagOf(JSON.stringify(order), versionOf(order)) })
  }
  const known = view ?? receipt(orderId, change, accepted)
  return json(202, known, { ...headers, ...pendingChangeHeaders(known) })
}

function receipt(orderId: string, { kind }: OrderChange, { changeId, acceptedAt }: AcceptedChange): ChangeView {
  return { orderId, changeId, kind, status: 'accepted', acceptedAt }
}

/** The rejection's cause determines the problem type. */
function rejected({ changeId, cause }: ChangeView): OrderError {
  const code = cause !== undefined && cause.code in PROBLEMS ? (cause.code as ProblemCode) : 'conflict'
  return new OrderError(code, cause?.detail ?? 'The change was rejected.', { changeId })
}

/** Accepts any UUID, as for orders. */
export function changeIdIn(request: HttpRequest): string {
  const changeId = uuidIn(request, 'changeId')
  if (changeId !== undefined) return changeId
  throw new OrderError('invalid-request', 'The path does not contain the id of a change.', {
    violations: [{ pointer: 'changeId', detail: 'must be a UUID that a request for a change returned' }],
  })
}

/**
 * A change that the store has not seen, with the cause if the change is lost or may be lost. Throws `change-not-found`
 * for an id that was never issued for this order.
 */
export function unseenChange(
  orderId: string,
  changeId: string,
  orderIds: OrderIds,
  whyUnseen: WhyUnseen = () => undefined,
): ChangeView {
  if (!orderIds.isIssuedChange(orderId, changeId)) {
    throw new OrderError('change-not-found', 'This order has no change with this id.')
  }
  const acceptedAt = issuedAt(changeId)
  const unseen = whyUnseen(changeId)
  return {
    orderId,
    changeId,
    status: unseen?.isLost === true ? 'lost' : 'accepted',
    ...(acceptedAt !== undefined && { acceptedAt: acceptedAt.toISOString() }),
    ...(unseen !== undefined && { cause: unseen.cause }),
  }
}

/** Tells the caller when to poll again, if the change is not settled yet. */
export function pendingChangeHeaders(view: ChangeView): Record<string, string> {
  return isSettled(view) ? {} : askAgain(view)
}
