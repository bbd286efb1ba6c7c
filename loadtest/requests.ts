import { createOrderSample, type OrderSample } from './order-sample.ts'
import { createOrders } from './orders.ts'
import type { RequestToSend } from './sending/connections.ts'
import { isChange, type RequestKind } from './plan.ts'

/** The requests that a shop's callers send: orders, changes to recently accepted orders, and queries for them. */
export interface Requests {
  next(kind: RequestKind): RequestToSend
  /**
   * Records a response. An accepted order may be changed and queried later. At the end of the run, accepted orders and
   * changes can be looked up.
   */
  answered(kind: RequestKind, status: number, body: string): void
  /** The number of accepted orders and changes, and the number of changes among them. */
  readonly accepted: number
  readonly changes: number
  readonly sample: OrderSample
}

const RECENT = 1000
/** The maximum number of orders and changes to look up one by one at the end. */
const SAMPLE = 2000
const JSON_BODY = { 'content-type': 'application/json' }
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' }
const CANCELLATION = JSON.stringify({ reason: 'Ordered twice.' })

export function createRequests(seed: number): Requests {
  const orders = createOrders(seed)
  const sample = createOrderSample(SAMPLE)
  const recent: string[] = []
  let placed = 0
  let changes = 0
  let asked = 0

  /** Each of the recent orders in turn; undefined before the first is accepted. */
  function recentOrder(): string | undefined {
    asked += 1
    return recent[asked % Math.max(1, recent.length)]
  }

  return {
    sample,
    get accepted() {
      return placed + changes
    },
    get changes() {
      return changes
    },
    next(kind) {
      switch (kind) {
        case 'place-order':
          return { method: 'POST', path: '/api/orders', headers: JSON_BODY, body: orders.next() }
        case 'amend-order':
        case 'cancel-order':
        case 'get-order': {
          const orderId = recentOrder()
          // Until an order has been accepted, a list is queried instead.
          if (orderId !== undefined && kind === 'amend-order') {
            return { method: 'PATCH', path: pathOf(orderId), headers: MERGE_PATCH, body: orders.amendment() }
          }
          if (orderId !== undefined && kind === 'cancel-order') {
            return { method: 'POST', path: `${pathOf(orderId)}/cancel`, headers: JSON_BODY, body: CANCELLATION }
          }
          return orderId === undefined ? list('limit=1') : get(pathOf(orderId))
        }
        case 'list-orders':
          return list(`customerId=${orders.customerId()}&limit=20`)
        case 'search-orders':
          return get(`/api/orders/search?q=${orders.searchTerm()}&limit=20`)
      }
    },
    answered(kind, status, body) {
      if (status !== 202 && status !== 201) return
      const { orderId, changeId } = JSON.parse(body) as { orderId: string; changeId?: string }
      if (isChange(kind)) {
        sample.add(`${pathOf(orderId)}/changes/${changeId}`)
        changes += 1
      } else {
        recent[placed % RECENT] = orderId
        sample.add(pathOf(orderId))
        placed += 1
      }
    },
  }
}

function list(query: string): RequestToSend {
  return get(`/api/orders?${query}`)
}

function get(path: string): RequestToSend {
  return { method: 'GET', path, headers: {} }
}

function pathOf(orderId: string): string {
  return `/api/orders/${orderId}`
}
