import type { DatabaseSync } from 'node:sqlite'
import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import { fromTenThousandths } from '../../../domain/money.ts'
import { createArchivedRows } from '../../stores/archive/archived-rows.ts'
import type { Row } from '../../stores/rows.ts'
import { CONVERSIONS, fromHashBytes, fromIdBytes, toIdList } from '../database/values.ts'

/** Reads the documents of the given orders that may be archived. The result is keyed by order id. */
export type ReadDocuments = (orderIds: readonly string[]) => Map<string, ArchivedOrder>

const IDS = '(SELECT unhex(value) FROM json_each(?))'
/**
 * The condition that the order `o` has no undecided change and no open dead letter. Uses order_changes_by_order and
 * dead_letters_by_order.
 */
export const IS_SETTLED = `
  NOT EXISTS (SELECT 1 FROM order_changes c WHERE c.order_id = o.order_id
    AND (c.state NOT IN ('applied', 'rejected', 'discarded') OR c.early = 1))
  AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.order_id = o.order_id AND d.state IN ('dead', 'redriven'))`
/** Excludes the order that was stored last. Without that order's row, SQLite would assign its `seq` again. */
export const IS_NOT_LAST = 'o.seq < (SELECT max(seq) FROM orders)'
/** The following statements use the indexes on order_id and the primary key of order_items. */
const ORDERS = `SELECT o.* FROM orders o WHERE o.order_id IN ${IDS} AND ${IS_NOT_LAST} AND ${IS_SETTLED}`
const ITEMS = `
  SELECT i.* FROM orders o CROSS JOIN order_items i ON i.order_seq = o.seq WHERE o.order_id IN ${IDS}
  ORDER BY i.order_seq, i.line`
const STATES = `
  SELECT o.* FROM order_states o
  WHERE o.order_id IN ${IDS} AND o.status = 'discarded' AND o.accepted_at IS NOT NULL AND ${IS_SETTLED}`
const CHANGES = `SELECT * FROM order_changes WHERE order_id IN ${IDS} ORDER BY seq`
const HISTORY = `
  SELECT order_id, at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason
  FROM order_history WHERE order_id IN ${IDS} ORDER BY entry`
const CHANGE_HISTORY = `
  SELECT order_id, at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, change_id, version
  FROM order_change_history WHERE order_id IN ${IDS} ORDER BY entry`

const { toStoredDocument, toDiscardedDocument } = createArchivedRows({
  ...CONVERSIONS,
  fromAmount: fromTenThousandths,
  fromHash: (hash) => fromHashBytes(hash as Uint8Array),
})

export function prepareDocuments(db: DatabaseSync): ReadDocuments {
  const selectOrders = db.prepare(ORDERS)
  const selectItems = db.prepare(ITEMS)
  const selectStates = db.prepare(STATES)
  const selectChanges = db.prepare(CHANGES)
  const selectHistory = db.prepare(HISTORY)
  const selectChangeHistory = db.prepare(CHANGE_HISTORY)

  return (orderIds) => {
    const list = toIdList(orderIds)
    const items = Map.groupBy(selectItems.all(list), (item) => item['order_seq'])
    const changes = byOrder(selectChanges.all(list))
    const history = byOrder(selectHistory.all(list))
    const changeHistory = byOrder(selectChangeHistory.all(list))
    function rowsOf(row: Row) {
      const orderId = orderIdOf(row)
      return {
        changes: changes.get(orderId) ?? [],
        history: history.get(orderId) ?? [],
        changeHistory: changeHistory.get(orderId) ?? [],
      }
    }
    const documents = [
      ...selectOrders.all(list).map((row) => toStoredDocument(row, items.get(row['seq']) ?? [], rowsOf(row))),
      ...selectStates.all(list).map((row) => toDiscardedDocument(row, rowsOf(row))),
    ]
    return new Map(documents.map((one) => [one.orderId, one]))
  }
}

function byOrder<R extends Row>(rows: readonly R[]): Map<string, R[]> {
  return Map.groupBy(rows, orderIdOf)
}

function orderIdOf(row: Row): string {
  return fromIdBytes(row['order_id'] as Uint8Array)
}
