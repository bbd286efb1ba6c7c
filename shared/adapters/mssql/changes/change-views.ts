import type { ChangeStatus, ChangeView, Predecessor } from '../../../domain/changes/change-view.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import type { ChangeKind, OrderChange } from '../../../domain/changes/order-changes.ts'
import type { OrderStatus } from '../../../domain/order-view.ts'
import type { OrderStore } from '../../../ports/order-store.ts'
import type { OrderViews } from '../../../ports/order-views.ts'
import { bigint, int, json, text, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId, fromSqlTime, isOrderId } from '../database/values.ts'
import { COUNT_WAITING, SELECT_CHANGE_BY_KEY, SELECT_CHANGES, SELECT_CHANGES_BY_IDS } from './change-views-sql.ts'
import type { ChangeState } from './turns.ts'

export type ChangeQueries = Pick<OrderViews, 'changes' | 'getChanges' | 'countWaiting'> &
  Pick<OrderStore, 'findChangeByIdempotencyKey'>

interface ChangeRow {
  readonly change_seq: string
  readonly turn: string | null
  readonly change_id: string
  readonly order_id: string
  readonly kind: ChangeKind
  readonly state: ChangeState
  readonly event: string | null
  readonly accepted_at: Date | null
  readonly updated_at: Date
  readonly version: number | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly next_attempt_at: Date | null
  readonly is_stored: number
  readonly order_status: OrderStatus | null
  readonly first_id: string | null
  readonly first_state: ChangeState | null
}

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

/** Callers see a change whose record is retried as waiting. */
function statusOf(state: ChangeState): ChangeStatus {
  return state === 'retrying' ? 'waiting' : state
}

/** Undefined for a change that has no turn yet, and for the first undecided change of a stored order. */
function predecessorOf(row: ChangeRow): Predecessor | undefined {
  if (row.state !== 'waiting' || row.turn === null) return undefined
  if (row.is_stored === 0) {
    return { kind: 'order', orderId: fromSqlId(row.order_id), status: row.order_status ?? 'accepted' }
  }
  if (row.first_id === null || row.first_state === null || row.first_id === row.change_id) return undefined
  return { kind: 'change', changeId: fromSqlId(row.first_id), status: statusOf(row.first_state) }
}

function toChangeView(change: Row): ChangeView {
  const row = change as unknown as ChangeRow
  const event = row.event === null ? undefined : (JSON.parse(row.event) as OrderChange)
  const nextAttemptAt = row.state === 'retrying' ? row.next_attempt_at : null
  const behind = predecessorOf(row)
  return {
    orderId: fromSqlId(row.order_id),
    changeId: fromSqlId(row.change_id),
    kind: row.kind,
    status: statusOf(row.state),
    ...(row.accepted_at !== null && { acceptedAt: fromSqlTime(row.accepted_at) }),
    updatedAt: fromSqlTime(row.updated_at),
    ...(event?.expectedVersion !== undefined && { expectedVersion: event.expectedVersion }),
    ...(row.version !== null && { version: row.version }),
    ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
    ...(nextAttemptAt !== null && { nextAttemptAt: fromSqlTime(nextAttemptAt) }),
    ...(behind !== undefined && { behind }),
    ...(event?.kind === 'amend' && { changes: event.amendment }),
    ...(event?.kind === 'cancel' && event.reason !== undefined && { reason: event.reason }),
  }
}
