import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { page } from '../shared/http/answer.ts'
import { listQuery } from '../shared/http/order-queries.ts'
import { readQuery } from '../shared/http/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/orders: newest first, a page at a time. */
async function listOrders(request: HttpRequest): Promise<HttpResponseInit> {
  const { views } = await services()
  return page(request, await views.list(readQuery(request.query, listQuery)))
}

app.http('listOrders', httpTrigger('listOrders', listOrders))
