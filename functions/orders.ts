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

/** GET /api/orders/{orderId}: the order's state. An issued id never gets the response 404. */
httpTrigger('getOrder', async (request, { orderIds, views, waitForOrder, whyUnseen }) => {
  const orderId = orderIdIn(request)
  const wait = waitSeconds(request)
  const stored =
    wait > 0 && orderIds.isIssued(orderId) ? await waitForOrder(orderId, wait * 1000) : await views.get(orderId)
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
  const items = withBeginning(orderId, (await views.history(orderId)) ?? [], orderIds)
  return json(200, { orderId, items, nextCursor: null })
})
