import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { orderIdIn, pendingHeaders, unseenOrder } from '../shared/http/order-reading.ts'
import { revalidated } from '../shared/http/answer.ts'
import { preferenceApplied, waitSeconds } from '../shared/http/preferences.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/orders/{orderId}: where the order stands. An id that was issued is never answered with 404. */
async function getOrder(request: HttpRequest): Promise<HttpResponseInit> {
  const { orderIds, views, waitForOrder, whyUnseen } = await services()
  const orderId = orderIdIn(request)
  const wait = waitSeconds(request)
  const stored =
    wait > 0 && orderIds.isIssued(orderId) ? await waitForOrder(orderId, wait * 1000) : await views.get(orderId)
  const view = stored ?? unseenOrder(orderId, orderIds, whyUnseen)
  return revalidated(request, view, { ...pendingHeaders(view), ...preferenceApplied(wait) })
}

app.http('getOrder', httpTrigger('getOrder', getOrder))
