import type { Amendment, ChangeKind } from './order-changes.ts'
import type { Cause, OrderStatus } from '../order-view.ts'

/** A change to an order, as queries return it. Times are RFC 3339 in UTC. */

export const CHANGE_STATUSES = [
  'accepted',
  'waiting',
  'applied',
  'rejected',
  'dead-lettered',
  'discarded',
  'lost',
] as const
export type ChangeStatus = (typeof CHANGE_STATUSES)[number]

export interface ChangeView {
  readonly orderId: string
  readonly changeId: string
  /** Absent until the store has seen the change, because the change id alone does not reveal the kind. */
  readonly kind?: ChangeKind
  readonly status: ChangeStatus
  readonly acceptedAt?: string
  /** When the status last changed. */
  readonly updatedAt?: string
  /** The order version that the change was made for, if the caller specified one. */
  readonly expectedVersion?: number
  /** The order version that the change produced. */
  readonly version?: number
  /** Why the change was rejected, dead-lettered, discarded or lost, or why its last attempt failed. */
  readonly cause?: Cause
  /** When the next attempt is due, while the change is waiting for its own retry. */
  readonly nextAttemptAt?: string
  /** The earlier event that the change is waiting for, if any. */
  readonly behind?: Predecessor
  /** The amended members; present only for an amendment that can be read. */
  readonly changes?: Amendment
  /** The caller's reason for a cancellation. */
  readonly reason?: string
  /** True if the order's customer was forgotten. The members with personal data and the reason are then left out. */
  readonly forgotten?: boolean
}

/** The earlier event of the same order that a change waits for. */
export type Predecessor =
  | { readonly kind: 'order'; readonly orderId: string; readonly status: OrderStatus }
  | { readonly kind: 'change'; readonly changeId: string; readonly status: ChangeStatus }

/** Whether the status is final unless an operator acts. */
export function isSettled({ status }: Pick<ChangeView, 'status'>): boolean {
  return status !== 'accepted' && status !== 'waiting'
}
