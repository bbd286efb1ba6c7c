import { page } from '../shared/http/protocol/answer.ts'
import { customerSearchQuery } from '../shared/http/orders.ts'
import { placeOrder } from '../shared/http/place-order.ts'
import { readQuery, searchText } from '../shared/http/protocol/query.ts'
import { invalidRequest } from '../shared/http/protocol/validated.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * The routes of the original reference application that differ from ours. Its GET /api/Orders and /api/Orders/{id} are
 * the same as our /api/orders and /api/orders/{orderId}, because path matching is case-insensitive.
 */

/** POST /api/Order */
httpTrigger('placeOrderOriginal', placeOrder)

/** GET /api/Orders/customerSearch/{text}: searches customer names only. */
httpTrigger('searchCustomers', async (request, { views }) => {
  const text = searchText.safeParse(request.params['text'])
  if (!text.success) {
    throw invalidRequest('The text to search for', 'text', text.error.issues[0]?.message ?? 'is not valid')
  }
  const query = readQuery(request.query, customerSearchQuery)
  return page(request, await views.search({ ...query, q: text.data, customersOnly: true }))
})
