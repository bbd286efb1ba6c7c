import { findUnlessArchived, refuseArchived } from '../shared/application/orders/archived-orders.ts'
import {
  listQuery,
  orderIdIn,
  pendingHeaders,
  searchQuery,
  unseenOrder,
  versionOf,
  withBeginning,
} from '../shared/http/orders.ts'
import { json, page, revalidated } from '../shared/http/protocol/answer.ts'
import { preferenceApplied, waitSeconds } from '../shared/http/protocol/preferences.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * GET /api/orders/{orderId}: the order's state. Never responds with 404 for an issued id. Responds with 410 for an
 * archived order.
 */
httpTrigger('getOrder', async (request, { orderIds, views, waitForOrder, whyUnseen }) => {
  const orderId = orderIdIn(request)
  const wait = waitSeconds(request)
  // An archived order is final, so the caller is not kept waiting.
  if (wait > 0) await refuseArchived(orderId, views)
  const awaited = wait > 0 && orderIds.isIssued(orderId) ? await waitForOrder(orderId, wait * 1000) : undefined
  const stored = awaited ?? (await findUnlessArchived(orderId, views, () => views.get(orderId)))
  const view = stored ?? unseenOrder(orderId, orderIds, whyUnseen)
  return revalidated(request, view, { ...pendingHeaders(view), ...preferenceApplied(wait) }, versionOf(view))
})

/** GET /api/orders: newest first, paginated. */
httpTrigger('listOrders', async (request, { views }) =>
  page(request, await views.list(readQuery(request.query, listQuery))),
)

/** GET /api/orders/search?q=: full-text search in customers, items, codes and ids, best match first. */
httpTrigger('searchOrders', async (request, { views }) =>
  page(request, await views.search(readQuery(request.query, searchQuery))),
)

/** GET /api/orders/{orderId}/history: what happened to the order, oldest first. */
httpTrigger('orderHistory', async (request, { orderIds, views }) => {
  const orderId = orderIdIn(request)
  const ofOrder = await findUnlessArchived(orderId, views, async () => {
    const known = await views.history(orderId)
    // A change that arrives after its order was archived has entries in the store, although the order itself has none.
    return known?.some(({ changeId }) => changeId === undefined) === true ? known : undefined
  })
  const items = withBeginning(orderId, ofOrder ?? (await views.history(orderId)) ?? [], orderIds)
  return json(200, { orderId, items, nextCursor: null })
})
