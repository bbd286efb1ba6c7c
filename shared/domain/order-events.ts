import { hash } from 'node:crypto'
import type { ChangeKind, OrderChange } from './changes/order-changes.ts'
import type { NewOrderCommand } from './order-commands.ts'

/**
 * The event types as the log keeps them. Their names and fields are a storage format and need careful versioning.
 * `NewOrder` is the wire name for an accepted order. The other two types record that a change was accepted; the change
 * is decided when its turn comes.
 */
export const NEW_ORDER_TYPE = 'NewOrder.v1'
export const CHANGE_TYPES = {
  amend: 'OrderAmended.v1',
  cancel: 'OrderCancelled.v1',
} as const satisfies Record<ChangeKind, string>

/** An accepted order. `data` holds names (`EUR`, `CreditCard`), never the original application's numbers. */
export interface NewOrder {
  readonly orderId: string
  /** RFC 3339, UTC. */
  readonly acceptedAt: string
  readonly data: NewOrderCommand
  /** SHA-256 of the caller's Idempotency-Key; null if the caller sent none. */
  readonly idempotencyKeyHash: string | null
}

/** The event's JSON with its members in a fixed sequence, as published and as `bodyHash` expects. */
export function newOrderJson(data: NewOrderCommand): string {
  return JSON.stringify(data)
}

/** The data whose JSON `newOrderJson` wrote. Nothing is checked. */
export function newOrderOf(json: string): NewOrderCommand {
  return JSON.parse(json) as NewOrderCommand
}

/**
 * The SHA-256 (hex) of the event's JSON, which distinguishes different bodies with the same order id or
 * Idempotency-Key.
 */
export function bodyHash(json: string): string {
  return hash('sha256', json)
}

/** An accepted change to an order. */
export interface ChangeEvent {
  readonly changeId: string
  readonly orderId: string
  /** RFC 3339, UTC. */
  readonly acceptedAt: string
  readonly change: OrderChange
  readonly idempotencyKeyHash: string | null
}

/** The kind of change that the event type stands for; undefined for any other type. */
export function changeKindOf(type: string): ChangeKind | undefined {
  if (type === CHANGE_TYPES.amend) return 'amend'
  return type === CHANGE_TYPES.cancel ? 'cancel' : undefined
}

/** The event's JSON with its members in a fixed sequence, as published. */
export function changeJson(change: OrderChange): string {
  const { expectedVersion } = change
  const data = change.kind === 'amend' ? { changes: change.amendment } : { reason: change.reason }
  return JSON.stringify({ ...data, expectedVersion })
}
