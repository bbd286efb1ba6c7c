import type { DatabaseSync } from 'node:sqlite'
import type { ChangeView } from '../../../domain/changes/change-view.ts'
import type { BatchPreview, FollowerPreview } from '../../../ports/order-store.ts'
import type { ParsedBatch } from '../../stores/parsed-orders.ts'
import { fromIdBytes, toIdList } from '../database/values.ts'
import { prepareChangeQueries } from './change-views.ts'
import type { ChangesResult } from './stored-changes.ts'

/**
 * Stores the changes in a batch with `store`, and returns the outcomes of these changes and of those that were already
 * waiting.
 */
export type PreviewChanges = (
  batch: Required<Pick<ParsedBatch, 'orders' | 'changes'>>,
  store: () => ChangesResult,
) => Pick<BatchPreview, 'changes' | 'followers'>

/** Uses order_changes_undecided, whose condition names these three states. */
const SELECT_WAITING = `
  SELECT change_id FROM order_changes
  WHERE order_id IN (SELECT unhex(value) FROM json_each(?)) AND state IN ('waiting', 'retrying', 'dead-lettered')
    AND state = 'waiting' AND early = 0
  ORDER BY seq`

export function prepareChangePreview(db: DatabaseSync): PreviewChanges {
  const selectWaiting = db.prepare(SELECT_WAITING)
  const queries = prepareChangeQueries(db)

  return ({ orders, changes }, store) => {
    const given = changes.map(({ changeId }) => changeId)
    const orderIds = [...orders, ...changes].map(({ orderId }) => orderId)
    const waiting = selectWaiting
      .all(toIdList([...new Set(orderIds)]))
      .map((row) => fromIdBytes(row['change_id'] as Uint8Array))
      .filter((changeId) => !given.includes(changeId))
    const { outcomes, undecided } = store()
    const failed = undecided.find(({ changeId }) => given.includes(changeId))
    if (failed !== undefined) throw failed.error
    const views = queries.getChanges([...given, ...waiting])
    return {
      changes: outcomes.map((outcome, index) => {
        const cause = outcome.kind === 'refused' ? views.get(given[index] ?? '')?.cause : undefined
        return { ...outcome, ...(cause !== undefined && { cause }) }
      }),
      followers: waiting.flatMap((changeId) => toFollower(views.get(changeId)) ?? []),
    }
  }
}

/** Undefined if the change has not been decided. */
function toFollower(view: ChangeView | undefined): FollowerPreview | undefined {
  if (view?.status !== 'applied' && view?.status !== 'rejected') return undefined
  const { orderId, changeId, status, cause } = view
  if (status === 'applied') return { orderId, changeId, kind: 'applied' }
  return { orderId, changeId, kind: 'refused', ...(cause !== undefined && { cause }) }
}
