import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import type { HistoryEntry } from '../shared/domain/order-view.ts'
import { json } from '../shared/http/answer.ts'
import { orderIdIn, unseenOrder } from '../shared/http/order-reading.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/orders/{orderId}/history: what happened to the order, oldest first. */
async function orderHistory(request: HttpRequest): Promise<HttpResponseInit> {
  const { orderIds, views } = await services()
  const orderId = orderIdIn(request)
  const items = (await views.history(orderId)) ?? beginning(unseenOrder(orderId, orderIds).acceptedAt)
  return json(200, { orderId, items, nextCursor: null })
}

function beginning(acceptedAt: string | undefined): HistoryEntry[] {
  return acceptedAt === undefined ? [] : [{ at: acceptedAt, kind: 'accepted' }]
}

app.http('orderHistory', httpTrigger('orderHistory', orderHistory))
