import { createOrderSample, type OrderSample } from './order-sample.ts'
import { createOrders } from './orders.ts'
import type { RequestToSend } from './sending/connections.ts'
import type { RequestKind } from './plan.ts'

/** The requests that a shop's callers send: orders, and queries for recently accepted orders. */
export interface Requests {
  next(kind: RequestKind): RequestToSend
  /** Records an answer. An accepted order is queried later, and may be looked up at the end. */
  answered(kind: RequestKind, status: number, body: string): void
  readonly accepted: number
  readonly sample: OrderSample
}

const RECENT = 1000
/** The ids of the orders to look up one by one at the end. */
const SAMPLE = 2000
const JSON_BODY = { 'content-type': 'application/json' }

export function createRequests(seed: number): Requests {
  const orders = createOrders(seed)
  const sample = createOrderSample(SAMPLE)
  const recent: string[] = []
  let accepted = 0
  let asked = 0

  return {
    sample,
    get accepted() {
      return accepted
    },
    next(kind) {
      switch (kind) {
        case 'place-order':
          return { method: 'POST', path: '/api/orders', headers: JSON_BODY, body: orders.next() }
        case 'get-order': {
          asked += 1
          // Until an order has been accepted, a list is queried instead.
          const orderId = recent[asked % Math.max(1, recent.length)]
          return orderId === undefined ? list('limit=1') : get(`/api/orders/${orderId}`)
        }
        case 'list-orders':
          return list(`customerId=${orders.customerId()}&limit=20`)
        case 'search-orders':
          return get(`/api/orders/search?q=${orders.searchTerm()}&limit=20`)
      }
    },
    answered(kind, status, body) {
      if (kind !== 'place-order' || (status !== 202 && status !== 201)) return
      recent[accepted % RECENT] = orderIdOf(body)
      sample.add(orderIdOf(body))
      accepted += 1
    },
  }
}

function list(query: string): RequestToSend {
  return get(`/api/orders?${query}`)
}

function get(path: string): RequestToSend {
  return { method: 'GET', path, headers: {} }
}

function orderIdOf(body: string): string {
  const { orderId } = JSON.parse(body) as { orderId: string }
  return orderId
}
