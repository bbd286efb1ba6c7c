import type { DatabaseSync } from 'node:sqlite'
import { fromTenThousandths } from '../../../domain/money.ts'
import type { Order } from '../../../domain/order.ts'
import { toHistory, type HistoryEntry, type OrderView } from '../../../domain/order-view.ts'
import type { KnownOrder } from '../../../ports/order-store.ts'
import { createOrderRows } from '../../stores/order-rows.ts'
import type { Row } from '../../stores/rows.ts'
import {
  CONVERSIONS,
  fromHashBytes,
  fromIdBytes,
  fromMs,
  toHashBytes,
  toIdBytes,
  toIdList,
} from '../database/values.ts'

export interface OrderQueries {
  getMany(orderIds: readonly string[]): Map<string, OrderView>
  /** The history of an order and its changes. */
  history(orderId: string): HistoryEntry[] | undefined
  /** The order as an aggregate; undefined while the order is not stored. */
  aggregate(orderId: string): Order | undefined
  findByIdempotencyKey(keyHash: string): KnownOrder | undefined
  /** The orders with these values of `seq`, in the given sequence. */
  stored(seqs: readonly number[]): OrderView[]
  unstored(seqs: readonly number[]): OrderView[]
}

const ORDER_COLUMNS = `
  seq, order_id, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address,
  currency, total_price, payment_method, accepted_at, stored_at, recovered, reference, metadata,
  version, cancelled_at, cancellation_reason, forgotten`
const STATE_COLUMNS = `
  seq, order_id, status, attempt, max_attempts, next_attempt_at, cause_code, cause_detail, accepted_at, updated_at, order_json`

/** The following statements use the unique indexes on order_id, which also contain the primary key. */
const IDS = '(SELECT unhex(value) FROM json_each(?))'
const ORDER_SEQS_BY_ID = `SELECT seq FROM orders WHERE order_id IN ${IDS}`
const STATE_SEQS_BY_ID = `SELECT seq FROM order_states WHERE order_id IN ${IDS}`
/** The following statements use the primary keys. */
const SEQS = '(SELECT value FROM json_each(?))'
const ORDERS = `SELECT ${ORDER_COLUMNS} FROM orders WHERE seq IN ${SEQS}`
const ITEMS = `SELECT * FROM order_items WHERE order_seq IN ${SEQS} ORDER BY order_seq, line`
const STATES = `SELECT ${STATE_COLUMNS} FROM order_states WHERE seq IN ${SEQS}`
/** Uses the index order_history_by_order, which sorts the entries of an order from oldest to newest. */
const HISTORY = `
  SELECT at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason FROM order_history WHERE order_id = ? ORDER BY entry`
/** Uses the index order_change_history_by_order, which also sorts the entries of an order from oldest to newest. */
const CHANGE_HISTORY = `
  SELECT at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, change_id, version
  FROM order_change_history WHERE order_id = ? ORDER BY entry`
/** Uses the primary key. */
const REMOVED_BEFORE = 'SELECT removed_before FROM removed_histories WHERE order_id = ?'
/** Uses the indexes orders_by_idempotency_key and archived_orders_by_idempotency_key. */
const BY_KEY = `
  SELECT order_id, body_hash, accepted_at FROM orders WHERE idempotency_key_hash = ?1
  UNION ALL SELECT order_id, body_hash, accepted_at FROM archived_orders WHERE idempotency_key_hash = ?1`

const { toStoredView, toAggregate, toUnstoredView, toHistoryEntry, toRemovedEntry } = createOrderRows({
  ...CONVERSIONS,
  fromAmount: fromTenThousandths,
})

export function prepareOrderQueries(db: DatabaseSync): OrderQueries {
  const selectOrderSeqs = db.prepare(ORDER_SEQS_BY_ID)
  const selectStateSeqs = db.prepare(STATE_SEQS_BY_ID)
  const selectOrders = db.prepare(ORDERS)
  const selectItems = db.prepare(ITEMS)
  const selectStates = db.prepare(STATES)
  const selectHistory = db.prepare(HISTORY)
  const selectChangeHistory = db.prepare(CHANGE_HISTORY)
  const selectRemovedBefore = db.prepare(REMOVED_BEFORE)
  const selectByKey = db.prepare(BY_KEY)

  function storedAs<T>(seqs: readonly number[], toItem: (row: Row, items: readonly Row[]) => T): T[] {
    const list = JSON.stringify(seqs)
    const items = Map.groupBy(selectItems.all(list), (item) => item['order_seq'])
    return inOrder(seqs, selectOrders.all(list), (row) => toItem(row, items.get(row['seq']) ?? []))
  }

  const stored = (seqs: readonly number[]): OrderView[] => storedAs(seqs, toStoredView)

  function unstored(seqs: readonly number[]): OrderView[] {
    return inOrder(seqs, selectStates.all(JSON.stringify(seqs)), toUnstoredView)
  }

  function seqsOf(statement: typeof selectOrderSeqs, orderIds: readonly string[]): number[] {
    return statement.all(toIdList(orderIds)).map((row) => Number(row['seq']))
  }

  function getMany(orderIds: readonly string[]): Map<string, OrderView> {
    const views = stored(seqsOf(selectOrderSeqs, orderIds))
    // An order has a row in order_states only while it is not stored.
    if (views.length < orderIds.length) views.push(...unstored(seqsOf(selectStateSeqs, orderIds)))
    return new Map(views.map((view) => [view.orderId, view]))
  }

  return {
    getMany,
    stored,
    unstored,
    history(orderId) {
      const view = getMany([orderId]).get(orderId)
      const ofChanges = selectChangeHistory.all(toIdBytes(orderId)).map(toHistoryEntry)
      if (view === undefined) return ofChanges.length === 0 ? undefined : ofChanges
      const removed = selectRemovedBefore.all(toIdBytes(orderId)).map(toRemovedEntry)
      return toHistory(view, [...selectHistory.all(toIdBytes(orderId)).map(toHistoryEntry), ...removed], ofChanges)
    },
    aggregate: (orderId) => storedAs(seqsOf(selectOrderSeqs, [orderId]), toAggregate)[0],
    findByIdempotencyKey(keyHash) {
      const row = selectByKey.get(toHashBytes(keyHash))
      if (row === undefined) return undefined
      return {
        orderId: fromIdBytes(row['order_id'] as Uint8Array),
        bodyHash: fromHashBytes(row['body_hash'] as Uint8Array),
        acceptedAt: fromMs(Number(row['accepted_at'])),
      }
    },
  }
}

function inOrder<R extends Row, T>(seqs: readonly number[], rows: readonly R[], toItem: (row: R) => T): T[] {
  const bySeq = new Map(rows.map((row) => [row['seq'], row]))
  return seqs.flatMap((seq) => {
    const row = bySeq.get(seq)
    return row === undefined ? [] : [toItem(row)]
  })
}
