import { placeOrder } from '../shared/http/place-order.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * POST /api/orders: accepts the NewOrder command and responds with 202 once it is durable in the log, before it is
 * stored.
 */
httpTrigger('placeOrder', placeOrder)
