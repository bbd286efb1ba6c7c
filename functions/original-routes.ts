import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { page } from '../shared/http/protocol/answer.ts'
import { customerSearchQuery } from '../shared/http/order-queries.ts'
import { placeOrder } from '../shared/http/place-order.ts'
import { readQuery, searchText } from '../shared/http/protocol/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * The routes of the original reference application that are not ours already: GET /api/Orders and /api/Orders/{id} are
 * the same routes as /api/orders and /api/orders/{orderId}, for paths match without regard to case.
 */

/** POST /api/Order */
async function placeOrderOriginal(request: HttpRequest): Promise<HttpResponseInit> {
  return placeOrder(request, await services())
}

/** GET /api/Orders/customerSearch/{text}: looks in customer names only. */
async function searchCustomers(request: HttpRequest): Promise<HttpResponseInit> {
  const { views } = await services()
  const text = searchText.safeParse(request.params['text'])
  if (!text.success) {
    const detail = text.error.issues[0]?.message ?? 'is not valid'
    throw new OrderError('invalid-request', `The text to search for ${detail}.`, {
      violations: [{ pointer: 'text', detail }],
    })
  }
  const query = readQuery(request.query, customerSearchQuery)
  return page(request, await views.search({ ...query, q: text.data, customersOnly: true }))
}

app.http('placeOrderOriginal', httpTrigger('placeOrderOriginal', placeOrderOriginal))
app.http('searchCustomers', httpTrigger('searchCustomers', searchCustomers))
