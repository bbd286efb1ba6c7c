import type { DatabaseSync } from 'node:sqlite'
import { reapply, type Order } from '../../../domain/order.ts'
import type { OrderChange } from '../../../domain/changes/order-changes.ts'
import { fromMs } from '../database/values.ts'

/**
 * Reapplies an order's applied changes, with the current code, to the order as it was placed. Returns undefined if the
 * current code refuses one of them.
 */
export type FoldApplied = (orderId: Uint8Array, placed: Order) => Order | undefined

/** Uses order_changes_applied. */
const SELECT = `
  SELECT event, accepted_at FROM order_changes WHERE order_id = ? AND state = 'applied' ORDER BY version`

export function prepareAppliedChanges(db: DatabaseSync): FoldApplied {
  const select = db.prepare(SELECT)
  return (orderId, placed) => {
    const applied = select.all(orderId) as { event: string; accepted_at: number }[]
    return reapply(
      placed,
      applied.map((row) => ({ change: JSON.parse(row.event) as OrderChange, acceptedAt: fromMs(row.accepted_at) })),
    )
  }
}
