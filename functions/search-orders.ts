import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { page } from '../shared/http/answer.ts'
import { searchQuery } from '../shared/http/order-queries.ts'
import { readQuery } from '../shared/http/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/orders/search?q=: full text over customers, items, codes and ids, best first. */
async function searchOrders(request: HttpRequest): Promise<HttpResponseInit> {
  const { views } = await services()
  return page(request, await views.search(readQuery(request.query, searchQuery)))
}

app.http('searchOrders', httpTrigger('searchOrders', searchOrders))
