import type { Amendment, ChangeKind } from './order-changes.ts'
import type { Cause, OrderStatus } from '../order-view.ts'

/** A change of an order, as queries return it. Times are RFC 3339 in UTC. */

export const CHANGE_STATUSES = ['accepted', 'waiting', 'applied', 'rejected', 'dead-lettered', 'discarded'] as const
export type ChangeStatus = (typeof CHANGE_STATUSES)[number]

export interface ChangeView {
  readonly orderId: string
  readonly changeId: string
  /** Absent while the store has not seen the change, because its id alone does not tell. */
  readonly kind?: ChangeKind
  readonly status: ChangeStatus
  readonly acceptedAt?: string
  /** When the status last changed. */
  readonly updatedAt?: string
  /** The version of the order that the change was made for, if its caller said so. */
  readonly expectedVersion?: number
  /** The version of the order that the change made. */
  readonly version?: number
  /** Why it is rejected, dead-lettered or discarded; or why its last attempt failed. */
  readonly cause?: Cause
  /** While it waits for its own next attempt. */
  readonly nextAttemptAt?: string
  /** What has to be decided first, while it waits for that. */
  readonly behind?: Predecessor
  /** Of an amendment that can be read. */
  readonly changes?: Amendment
  /** The caller's reason for a cancellation. */
  readonly reason?: string
}

/** The earlier event of the same order that a change waits for. */
export type Predecessor =
  | { readonly kind: 'order'; readonly orderId: string; readonly status: OrderStatus }
  | { readonly kind: 'change'; readonly changeId: string; readonly status: ChangeStatus }

/** Whether the change stays as it is unless an operator acts. */
export function isSettled({ status }: Pick<ChangeView, 'status'>): boolean {
  return status !== 'accepted' && status !== 'waiting'
}
