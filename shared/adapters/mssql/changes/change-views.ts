import type { ChangeView, Predecessor } from '../../../domain/changes/change-view.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import type { OrderStatus } from '../../../domain/order-view.ts'
import type { OrderStore } from '../../../ports/order-store.ts'
import type { OrderViews } from '../../../ports/order-views.ts'
import { createChangeRows, toChangeStatus, type ChangeState } from '../../stores/change-rows.ts'
import { bigint, int, json, text, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { CONVERSIONS, fromSqlId, fromSqlTime, isOrderId } from '../database/values.ts'
import { COUNT_WAITING, SELECT_CHANGE_BY_KEY, SELECT_CHANGES, SELECT_CHANGES_BY_IDS } from './change-views-sql.ts'

export type ChangeQueries = Pick<OrderViews, 'changes' | 'getChanges' | 'countWaiting'> &
  Pick<OrderStore, 'findChangeByIdempotencyKey'>

interface ChangeRow {
  readonly turn: string | null
  readonly change_id: string
  readonly order_id: string
  readonly state: ChangeState
  readonly is_stored: number
  readonly order_status: OrderStatus | null
  readonly first_id: string | null
  readonly first_state: ChangeState | null
}

const toViewAlone = createChangeRows(CONVERSIONS)

export function createChangeQueries(query: Query): ChangeQueries {
  return {
    async changes(orderId, list) {
      if (!isOrderId(orderId)) return { items: [], nextCursor: null }
      // A cursor is valid for one order only, so the order is part of the query.
      const asked = { ...list, orderId }
      const [after, last] = fromCursor(asked, ['number', 'number']) ?? [0, 0]
      const parameters = {
        orderId: text(orderId),
        after: bigint(after),
        last: bigint(last),
        limit: int(list.limit + 1),
      }
      const [rows = []] = await query(SELECT_CHANGES, parameters)
      return toPage(asked, rows, toChangeView, (row) => [
        Number(row['turn'] ?? Number.MAX_SAFE_INTEGER),
        Number(row['change_seq']),
      ])
    },
    async getChanges(changeIds) {
      const ids = changeIds.filter(isOrderId)
      if (ids.length === 0) return new Map()
      const [rows = []] = await query(SELECT_CHANGES_BY_IDS, { ids: json(ids) })
      return new Map(rows.map(toChangeView).map((view) => [view.changeId, view]))
    },
    async countWaiting(orderIds) {
      const ids = [...new Set(orderIds.filter(isOrderId))]
      if (ids.length === 0) return new Map()
      const [rows = []] = await query(COUNT_WAITING, { ids: json(ids) })
      return new Map(rows.map((row) => [fromSqlId(String(row['order_id'])), Number(row['changes'])]))
    },
    async findChangeByIdempotencyKey(keyHash) {
      const [[row] = []] = await query(SELECT_CHANGE_BY_KEY, { keyHash: text(keyHash) })
      if (row === undefined) return undefined
      return {
        changeId: fromSqlId(String(row['change_id'])),
        bodyHash: String(row['body_hash']),
        acceptedAt: fromSqlTime(row['accepted_at'] as Date),
      }
    },
  }
}

/**
 * Undefined for a change that is not waiting or has no `turn` yet, and for the first undecided change of a stored
 * order.
 */
function predecessorOf(row: ChangeRow): Predecessor | undefined {
  if (row.state !== 'waiting' || row.turn === null) return undefined
  if (row.is_stored === 0) {
    return { kind: 'order', orderId: fromSqlId(row.order_id), status: row.order_status ?? 'accepted' }
  }
  if (row.first_id === null || row.first_state === null || row.first_id === row.change_id) return undefined
  return { kind: 'change', changeId: fromSqlId(row.first_id), status: toChangeStatus(row.first_state) }
}

function toChangeView(change: Row): ChangeView {
  const behind = predecessorOf(change as unknown as ChangeRow)
  return { ...toViewAlone(change), ...(behind !== undefined && { behind }) }
}
