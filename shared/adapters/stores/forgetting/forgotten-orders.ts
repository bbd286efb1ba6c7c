import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import { forgetChange, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { bodyHash, changeJson } from '../../../domain/order-events.ts'
import type { ParkedRecord } from '../../../ports/order-store.ts'

/** The archived order and its changes, without personal data. */
export function forgetArchived(document: ArchivedOrder): ArchivedOrder {
  const { order, stored, changes } = document
  return {
    ...document,
    order: order && forgetOrder(order),
    stored: stored && { ...stored, cancellationReason: null },
    changes: changes.map((one) => ({ ...one, change: one.change && forgetChange(one.change) })),
  }
}

/** The failed change without personal data. `bodyHash` remains the hash of the change as it was accepted. */
export function forgetParkedChange(record: ParkedRecord): ParkedRecord {
  const { change: parked } = record
  if (parked?.change == null || parked.change.forgotten === true) return record
  const { change } = parked
  return {
    ...record,
    change: { ...parked, change: forgetChange(change), bodyHash: bodyHash(changeJson(change)) },
  }
}
