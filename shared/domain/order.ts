import type { Amendment, OrderChange } from './changes/order-changes.ts'
import type { NewOrderCommand } from './order-commands.ts'
import type { Cause, OrderState } from './order-view.ts'

/**
 * The order as an aggregate. `decide` checks a command against the order's current state and returns an event or a
 * refusal. Only events change an order (`evolve`). No I/O, no clock, no randomness: ids and times are arguments.
 */

export type OrderEvent =
  | { readonly kind: 'placed'; readonly content: NewOrderCommand }
  | { readonly kind: 'amended'; readonly amendment: Amendment }
  | { readonly kind: 'cancelled'; readonly at: string; readonly reason?: string }

/** A placed order, as built from its events. */
export interface Order {
  /** The number of events applied; 1 for an order that was placed and never changed. */
  readonly version: number
  readonly content: NewOrderCommand
  readonly cancellation?: {
    /** RFC 3339. */
    readonly at: string
    readonly reason?: string
  }
}

/** Codes that say why a change is rejected when its turn comes. */
export type ChangeRefusal = 'order-cancelled' | 'version-conflict'

export interface Refused extends Cause {
  readonly kind: 'refused'
  readonly code: ChangeRefusal
}

/** The state of an order whose id was issued but about which nothing else is known. */
export function initialState(orderId: string): OrderState {
  return { orderId, status: 'accepted' }
}

/** The event for a change, or why the order's current state does not allow it. `at` is when the change was accepted. */
export function decide(order: Order, change: OrderChange, at: string): OrderEvent | Refused {
  if (order.cancellation !== undefined) {
    return { kind: 'refused', code: 'order-cancelled', detail: `The order was cancelled at ${order.cancellation.at}.` }
  }
  const { expectedVersion = order.version } = change
  if (expectedVersion !== order.version) {
    const detail = `The change was made against version ${expectedVersion} of the order, which is now at version ${order.version}.`
    return { kind: 'refused', code: 'version-conflict', detail }
  }
  if (change.kind === 'amend') return { kind: 'amended', amendment: change.amendment }
  return { kind: 'cancelled', at, ...(change.reason !== undefined && { reason: change.reason }) }
}

export interface AppliedChange {
  readonly change: OrderChange
  /** RFC 3339. */
  readonly acceptedAt: string
}

/** Reapplies changes that were applied to the order earlier. Undefined if the current code refuses one of them. */
export function reapply(order: Order, applied: readonly AppliedChange[]): Order | undefined {
  let current = order
  for (const { change, acceptedAt } of applied) {
    const event = decide(current, change, acceptedAt)
    if (event.kind === 'refused') return undefined
    current = evolve(current, event)
  }
  return current
}

/** The order after one more event; `order` is undefined before the first event. */
export function evolve(order: Order | undefined, event: OrderEvent): Order {
  if (event.kind === 'placed') return { version: 1, content: event.content }
  if (order === undefined) throw new TypeError(`An order must be placed before it can be ${event.kind}.`)
  const version = order.version + 1
  if (event.kind === 'amended') return { ...order, version, content: { ...order.content, ...event.amendment } }
  const { at, reason } = event
  return { ...order, version, cancellation: { at, ...(reason !== undefined && { reason }) } }
}
