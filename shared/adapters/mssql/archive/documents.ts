import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import { createArchivedRows } from '../../stores/archive/archived-rows.ts'
import type { Row } from '../../stores/rows.ts'
import { json } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { CONVERSIONS, fromSqlId } from '../database/values.ts'
import { SELECT_DOCUMENTS } from './archive-sql.ts'

/** An order that may be archived, with the row counts that show whether its rows have changed since they were read. */
export interface ReadOrder {
  readonly document: ArchivedOrder
  readonly changes: number
  readonly entries: number
  readonly changeEntries: number
}

const { toStoredDocument, toDiscardedDocument } = createArchivedRows({
  ...CONVERSIONS,
  // The driver returns our amounts, which are DECIMAL(19, 4), as exact numbers.
  fromAmount: (amount) => amount,
  fromHash: String,
})

/** Reads the given orders, except those that cannot be archived. The result is keyed by order id. */
export async function readDocuments(query: Query, orderIds: readonly string[]): Promise<Map<string, ReadOrder>> {
  if (orderIds.length === 0) return new Map()
  const results = await query(SELECT_DOCUMENTS, { ids: json(orderIds) })
  const [orders = [], items = [], states = [], changeRows = [], historyRows = [], changeHistoryRows = []] = results
  const ofOrders = Map.groupBy(items, (item) => item['order_seq'])
  const changes = Map.groupBy(changeRows, orderIdOf)
  const history = Map.groupBy(historyRows, orderIdOf)
  const changeHistory = Map.groupBy(changeHistoryRows, orderIdOf)

  function read(row: Row, toDocument: (rows: Parameters<typeof toDiscardedDocument>[1]) => ArchivedOrder): ReadOrder {
    const orderId = orderIdOf(row)
    const rows = {
      changes: changes.get(orderId) ?? [],
      history: history.get(orderId) ?? [],
      changeHistory: changeHistory.get(orderId) ?? [],
    }
    return {
      document: toDocument(rows),
      changes: rows.changes.length,
      entries: rows.history.length,
      changeEntries: rows.changeHistory.length,
    }
  }

  const found = [
    ...states.map((row) => read(row, (rows) => toDiscardedDocument(row, rows))),
    ...orders.map((row) => read(row, (rows) => toStoredDocument(row, ofOrders.get(row['seq']) ?? [], rows))),
  ]
  return new Map(found.map((one) => [one.document.orderId, one]))
}

function orderIdOf(row: Row): string {
  return fromSqlId(String(row['order_id']))
}
