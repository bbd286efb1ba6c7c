import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/services.ts'
import { placeOrder } from '../shared/http/place-order.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** POST /api/orders: accepts the command NewOrder and answers 202 once it is durable in the log, before it is stored. */
async function postOrder(request: HttpRequest): Promise<HttpResponseInit> {
  return placeOrder(request, await services())
}

app.http('placeOrder', httpTrigger('placeOrder', postOrder))
