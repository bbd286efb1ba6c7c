import type { DatabaseSync } from 'node:sqlite'
import type { ChangeView, Predecessor } from '../../../domain/changes/change-view.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import type { OrderStatus } from '../../../domain/order-view.ts'
import type { KnownChange } from '../../../ports/order-store.ts'
import type { OrderViews, Page } from '../../../ports/order-views.ts'
import type { Row } from '../../stores/rows.ts'
import { createChangeRows, toChangeStatus, type ChangeState } from '../../stores/change-rows.ts'
import {
  CONVERSIONS,
  fromHashBytes,
  fromIdBytes,
  fromMs,
  toHashBytes,
  toIdBytes,
  toIdList,
} from '../database/values.ts'

export interface ChangeQueries {
  changesOf(orderId: string, query: Parameters<OrderViews['changes']>[1]): Page<ChangeView>
  getChanges(changeIds: readonly string[]): Map<string, ChangeView>
  countWaiting(orderIds: readonly string[]): Map<string, number>
  findChangeByIdempotencyKey(keyHash: string): KnownChange | undefined
}

const COLUMNS = `
  seq, change_id, order_id, kind, state, early, event, accepted_at, updated_at, version, cause_code, cause_detail,
  next_attempt_at`
/** Uses order_changes_by_order, in which the entries of one order are sorted by seq. */
const BY_ORDER = `SELECT ${COLUMNS} FROM order_changes WHERE order_id = ? AND seq > ? ORDER BY seq LIMIT ?`
/** Uses the unique index on change_id. */
const BY_IDS = `SELECT ${COLUMNS} FROM order_changes WHERE change_id IN (SELECT unhex(value) FROM json_each(?))`
/** Uses order_changes_undecided. */
const FIRST_UNDECIDED = `
  SELECT seq, change_id, state FROM order_changes
  WHERE order_id = ? AND state IN ('waiting', 'retrying', 'dead-lettered') AND early = 0 ORDER BY seq LIMIT 1`
/** Repeats the condition of the partial index order_changes_undecided, so that SQLite uses that index. */
const COUNT_WAITING = `
  SELECT order_id, count(*) AS changes FROM order_changes
  WHERE order_id IN (SELECT unhex(value) FROM json_each(?)) AND state IN ('waiting', 'retrying', 'dead-lettered')
    AND state = 'waiting'
  GROUP BY order_id`
/** The following two statements use the unique indexes on order_id. */
const IS_STORED = 'SELECT 1 FROM orders WHERE order_id = ?'
const SELECT_STATUS = 'SELECT status FROM order_states WHERE order_id = ?'
/** Uses order_changes_by_idempotency_key and archived_changes_by_idempotency_key. */
const BY_KEY = `
  SELECT change_id, body_hash, accepted_at FROM order_changes WHERE idempotency_key_hash = ?1
  UNION ALL SELECT change_id, body_hash, accepted_at FROM archived_changes WHERE idempotency_key_hash = ?1`

type ChangeRow = Row & {
  readonly seq: number
  readonly change_id: Uint8Array
  readonly order_id: Uint8Array
  readonly state: ChangeState
  readonly early: 0 | 1
}

const toChangeView = createChangeRows(CONVERSIONS)

export function prepareChangeQueries(db: DatabaseSync): ChangeQueries {
  const selectByOrder = db.prepare(BY_ORDER)
  const selectByIds = db.prepare(BY_IDS)
  const selectWaiting = db.prepare(COUNT_WAITING)
  const selectFirst = db.prepare(FIRST_UNDECIDED)
  const isStored = db.prepare(IS_STORED)
  const selectStatus = db.prepare(SELECT_STATUS)
  const selectByKey = db.prepare(BY_KEY)

  /** The event that the order's changes wait for: the order itself, or its first undecided change. */
  function predecessor(id: Uint8Array): Predecessor | undefined {
    if (isStored.get(id) === undefined) {
      const status = (selectStatus.get(id)?.['status'] ?? 'accepted') as OrderStatus
      return { kind: 'order', orderId: fromIdBytes(id), status }
    }
    const first = selectFirst.get(id) as Pick<ChangeRow, 'change_id' | 'state'> | undefined
    return first && { kind: 'change', changeId: fromIdBytes(first.change_id), status: toChangeStatus(first.state) }
  }

  function toViews(rows: readonly ChangeRow[]): ChangeView[] {
    const known = new Map<string, Predecessor | undefined>()
    return rows.map((row) => {
      const view = toChangeView(row)
      // A change that has no place in the sequence yet waits for the batch that contains its origin, so it is not
      // behind another event yet.
      if (row.state !== 'waiting' || row.early === 1) return view
      if (!known.has(view.orderId)) known.set(view.orderId, predecessor(row.order_id))
      const behind = known.get(view.orderId)
      const isItself = behind?.kind === 'change' && behind.changeId === view.changeId
      return behind === undefined || isItself ? view : { ...view, behind }
    })
  }

  return {
    changesOf(orderId, query) {
      // A cursor is valid only for its own query, and the order id is part of the query.
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
      const rows = selectByIds.all(toIdList(changeIds)) as unknown as ChangeRow[]
      return new Map(toViews(rows).map((view) => [view.changeId, view]))
    },
    countWaiting(orderIds) {
      const rows = selectWaiting.all(toIdList(orderIds))
      return new Map(rows.map((row) => [fromIdBytes(row['order_id'] as Uint8Array), Number(row['changes'])]))
    },
    findChangeByIdempotencyKey(keyHash) {
      const row = selectByKey.get(toHashBytes(keyHash))
      // Without a hash, the bodies cannot be compared. A repeated request still gets the same id, because ids are
      // derived from the key and the body.
      if (row === undefined || row['body_hash'] === null) return undefined
      return {
        changeId: fromIdBytes(row['change_id'] as Uint8Array),
        bodyHash: fromHashBytes(row['body_hash'] as Uint8Array),
        acceptedAt: fromMs(Number(row['accepted_at'])),
      }
    },
  }
}
