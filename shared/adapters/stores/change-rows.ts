import { shownOf } from '../../domain/forgetting/forgotten-data.ts'
import type { ChangeStatus, ChangeView } from '../../domain/changes/change-view.ts'
import type { ChangeKind, OrderChange } from '../../domain/changes/order-changes.ts'
import type { Conversions, Row } from './rows.ts'

/** A view shows `retrying` as `waiting`, because in either case a caller can only wait. */
export type ChangeState = 'waiting' | 'retrying' | 'applied' | 'rejected' | 'dead-lettered' | 'discarded'

interface ChangeRow<Id, Time> {
  readonly change_id: Id
  readonly order_id: Id
  readonly kind: ChangeKind
  readonly state: ChangeState
  /** The change as JSON; null if its record could not be read. */
  readonly event: string | null
  readonly accepted_at: Time | null
  readonly updated_at: Time
  readonly version: number | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly next_attempt_at: Time | null
}

/** Converts rows of changes to views. The adapters then add the order or change that each change is waiting behind. */
export function createChangeRows<Id, Time>(conversions: Conversions<Id, Time>): (change: Row) => ChangeView {
  const { fromId, fromTime } = conversions
  return (change) => {
    const row = change as unknown as ChangeRow<Id, Time>
    const event = row.event === null ? undefined : (JSON.parse(row.event) as OrderChange)
    const nextAttemptAt = row.state === 'retrying' ? row.next_attempt_at : null
    return {
      orderId: fromId(row.order_id),
      changeId: fromId(row.change_id),
      kind: row.kind,
      status: toChangeStatus(row.state),
      ...(row.accepted_at !== null && { acceptedAt: fromTime(row.accepted_at) }),
      updatedAt: fromTime(row.updated_at),
      ...(event?.expectedVersion !== undefined && { expectedVersion: event.expectedVersion }),
      ...(row.version !== null && { version: row.version }),
      ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
      ...(nextAttemptAt !== null && { nextAttemptAt: fromTime(nextAttemptAt) }),
      ...(event !== undefined && shownContent(event)),
    }
  }
}

/** The content of the change; without personal data if the order's customer was forgotten. */
function shownContent(event: OrderChange): Pick<ChangeView, 'changes' | 'reason' | 'forgotten'> {
  const mark = event.forgotten === true ? { forgotten: true } : {}
  if (event.kind === 'cancel') return { ...(event.reason !== undefined && { reason: event.reason }), ...mark }
  const changes = event.forgotten === true ? shownOf(event.amendment) : event.amendment
  return { ...(changes !== undefined && { changes }), ...mark }
}

export function toChangeStatus(state: ChangeState): ChangeStatus {
  return state === 'retrying' ? 'waiting' : state
}

/** Whether the store has the change as waiting, applied or rejected, not as retried, dead-lettered or discarded. */
export function isKept(state: ChangeState): boolean {
  return state === 'waiting' || state === 'applied' || state === 'rejected'
}
