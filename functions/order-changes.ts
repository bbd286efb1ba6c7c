import { findUnlessArchived, refuseArchived } from '../shared/application/orders/archived-orders.ts'
import {
  amendOrder,
  cancelOrder,
  changeIdIn,
  changeQuery,
  pendingChangeHeaders,
  unseenChange,
} from '../shared/http/changes.ts'
import { orderIdIn, unseenOrder } from '../shared/http/orders.ts'
import { page, revalidated } from '../shared/http/protocol/answer.ts'
import { preferenceApplied, waitSeconds } from '../shared/http/protocol/preferences.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * PATCH /api/orders/{orderId}: accepts an amendment to the order, which takes effect after all earlier events of the
 * order.
 */
httpTrigger('amendOrder', amendOrder)

/**
 * POST /api/orders/{orderId}/cancel: accepts a cancellation, which takes effect after all earlier events of the order.
 */
httpTrigger('cancelOrder', cancelOrder)

/** GET /api/orders/{orderId}/changes: the changes that have reached the store, oldest first, paginated. */
httpTrigger('listOrderChanges', async (request, { orderIds, views }) => {
  const orderId = orderIdIn(request)
  const query = readQuery(request.query, changeQuery)
  await refuseArchived(orderId, views)
  const changes = await views.changes(orderId, query)
  if (changes.items.length === 0) {
    const order = await findUnlessArchived(orderId, views, () => views.get(orderId))
    // Throws if the order id was never issued.
    if (order === undefined) unseenOrder(orderId, orderIds)
  }
  return page(request, changes)
})

/** GET /api/orders/{orderId}/changes/{changeId}. Never responds with 404 for an issued id. */
httpTrigger('getOrderChange', async (request, { orderIds, views, waitForChange, whyUnseen }) => {
  const [orderId, changeId] = [orderIdIn(request), changeIdIn(request)]
  const wait = waitSeconds(request)
  // An archived order's changes are final, so the caller is not kept waiting.
  if (wait > 0) await refuseArchived(orderId, views)
  const isIssued = orderIds.isIssuedChange(orderId, changeId)
  const awaited = wait > 0 && isIssued ? await waitForChange(changeId, wait * 1000) : undefined
  const known = await findUnlessArchived(orderId, views, async () => {
    const view = awaited ?? (await views.getChanges([changeId])).get(changeId)
    return view?.orderId === orderId ? view : undefined
  })
  const view = known ?? unseenChange(orderId, changeId, orderIds, whyUnseen)
  return revalidated(request, view, { ...pendingChangeHeaders(view), ...preferenceApplied(wait) })
})
