import type { DatabaseSync } from 'node:sqlite'
import type { ChangeStatus, ChangeView, Predecessor } from '../../../domain/changes/change-view.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import type { ChangeKind, OrderChange } from '../../../domain/changes/order-changes.ts'
import type { OrderStatus } from '../../../domain/order-view.ts'
import type { KnownChange } from '../../../ports/order-store.ts'
import type { OrderViews, Page } from '../../../ports/order-views.ts'
import { fromHashBytes, fromIdBytes, fromMs, toHashBytes, toIdBytes } from '../database/values.ts'
import type { ChangeState } from './order-changes.ts'

export interface ChangeQueries {
  changesOf(orderId: string, query: Parameters<OrderViews['changes']>[1]): Page<ChangeView>
  getChanges(changeIds: readonly string[]): Map<string, ChangeView>
  countWaiting(orderIds: readonly string[]): Map<string, number>
  findChangeByIdempotencyKey(keyHash: string): KnownChange | undefined
}

const COLUMNS = `
  seq, change_id, order_id, kind, state, early, event, accepted_at, updated_at, version, cause_code, cause_detail,
  next_attempt_at`
/** By order_changes_by_order, whose entries of one order lie in the order of seq. */
const BY_ORDER = `SELECT ${COLUMNS} FROM order_changes WHERE order_id = ? AND seq > ? ORDER BY seq LIMIT ?`
/** By the unique index of change_id. */
const BY_IDS = `SELECT ${COLUMNS} FROM order_changes WHERE change_id IN (SELECT unhex(value) FROM json_each(?))`
/** By order_changes_undecided. */
const FIRST_UNDECIDED = `
  SELECT seq, change_id, state FROM order_changes
  WHERE order_id = ? AND state IN ('waiting', 'retrying', 'dead-lettered') AND early = 0 ORDER BY seq LIMIT 1`
/** Uses order_changes_undecided, whose condition is the three states. */
const COUNT_WAITING = `
  SELECT order_id, count(*) AS changes FROM order_changes
  WHERE order_id IN (SELECT unhex(value) FROM json_each(?)) AND state IN ('waiting', 'retrying', 'dead-lettered')
    AND state = 'waiting'
  GROUP BY order_id`
/** By the unique indexes of order_id. */
const IS_STORED = 'SELECT 1 FROM orders WHERE order_id = ?'
const SELECT_STATUS = 'SELECT status FROM order_states WHERE order_id = ?'
/** By order_changes_by_idempotency_key. */
const BY_KEY = 'SELECT change_id, body_hash, accepted_at FROM order_changes WHERE idempotency_key_hash = ?'

interface ChangeRow {
  readonly seq: number
  readonly change_id: Uint8Array
  readonly order_id: Uint8Array
  readonly kind: ChangeKind
  readonly state: ChangeState
  readonly early: 0 | 1
  readonly event: string | null
  readonly accepted_at: number | null
  readonly updated_at: number
  readonly version: number | null
  readonly cause_code: string | null
  readonly cause_detail: string | null
  readonly next_attempt_at: number | null
}

export function prepareChangeQueries(db: DatabaseSync): ChangeQueries {
  const selectByOrder = db.prepare(BY_ORDER)
  const selectByIds = db.prepare(BY_IDS)
  const selectWaiting = db.prepare(COUNT_WAITING)
  const selectFirst = db.prepare(FIRST_UNDECIDED)
  const isStored = db.prepare(IS_STORED)
  const selectStatus = db.prepare(SELECT_STATUS)
  const selectByKey = db.prepare(BY_KEY)

  /** What the order's changes wait for: the order, or the first of them that is not decided. */
  function predecessor(id: Uint8Array): Predecessor | undefined {
    if (isStored.get(id) === undefined) {
      const status = (selectStatus.get(id)?.['status'] ?? 'accepted') as OrderStatus
      return { kind: 'order', orderId: fromIdBytes(id), status }
    }
    const first = selectFirst.get(id) as Pick<ChangeRow, 'change_id' | 'state'> | undefined
    return first && { kind: 'change', changeId: fromIdBytes(first.change_id), status: statusOf(first) }
  }

  function toViews(rows: readonly ChangeRow[]): ChangeView[] {
    const known = new Map<string, Predecessor | undefined>()
    return rows.map((row) => {
      const view = toChangeView(row)
      // One that has no turn yet waits for the batch of its origin.
      if (row.state !== 'waiting' || row.early === 1) return view
      if (!known.has(view.orderId)) known.set(view.orderId, predecessor(row.order_id))
      const behind = known.get(view.orderId)
      const isItself = behind?.kind === 'change' && behind.changeId === view.changeId
      return behind === undefined || isItself ? view : { ...view, behind }
    })
  }

  return {
    changesOf(orderId, query) {
      // The order belongs to the query, as its cursor has it.
      const asked = { ...query, orderId }
      const [after] = fromCursor(asked, ['number']) ?? [0]
      const rows = selectByOrder.all(toIdBytes(orderId), after, query.limit + 1) as unknown as ChangeRow[]
      const { items, nextCursor } = toPage(
        asked,
        rows,
        (row) => row,
        (last) => [last.seq],
      )
      return { items: toViews(items), nextCursor }
    },
    getChanges(changeIds) {
      const list = JSON.stringify(changeIds.map((changeId) => changeId.replaceAll('-', '')))
      const rows = selectByIds.all(list) as unknown as ChangeRow[]
      return new Map(toViews(rows).map((view) => [view.changeId, view]))
    },
    countWaiting(orderIds) {
      const list = JSON.stringify(orderIds.map((orderId) => orderId.replaceAll('-', '')))
      const rows = selectWaiting.all(list)
      return new Map(rows.map((row) => [fromIdBytes(row['order_id'] as Uint8Array), Number(row['changes'])]))
    },
    findChangeByIdempotencyKey(keyHash) {
      const row = selectByKey.get(toHashBytes(keyHash))
      if (row === undefined) return undefined
      return {
        changeId: fromIdBytes(row['change_id'] as Uint8Array),
        bodyHash: fromHashBytes(row['body_hash'] as Uint8Array),
        acceptedAt: fromMs(Number(row['accepted_at'])),
      }
    },
  }
}

/** A change whose record is retried waits, as its callers see it. */
function statusOf({ state }: Pick<ChangeRow, 'state'>): ChangeStatus {
  return state === 'retrying' ? 'waiting' : state
}

function toChangeView(row: ChangeRow): ChangeView {
  const change = row.event === null ? undefined : (JSON.parse(row.event) as OrderChange)
  const nextAttemptAt = row.state === 'retrying' ? row.next_attempt_at : null
  return {
    orderId: fromIdBytes(row.order_id),
    changeId: fromIdBytes(row.change_id),
    kind: row.kind,
    status: statusOf(row),
    ...(row.accepted_at !== null && { acceptedAt: fromMs(row.accepted_at) }),
    updatedAt: fromMs(row.updated_at),
    ...(change?.expectedVersion !== undefined && { expectedVersion: change.expectedVersion }),
    ...(row.version !== null && { version: row.version }),
    ...(row.cause_code !== null && { cause: { code: row.cause_code, detail: row.cause_detail ?? '' } }),
    ...(nextAttemptAt !== null && { nextAttemptAt: fromMs(nextAttemptAt) }),
    ...(change?.kind === 'amend' && { changes: change.amendment }),
    ...(change?.kind === 'cancel' && change.reason !== undefined && { reason: change.reason }),
  }
}
