import type { DatabaseSync } from 'node:sqlite'
import type { ParkedRecord } from '../../../ports/order-store.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { toIdBytes, toMs } from '../database/values.ts'

/** The status and history of orders that are not stored. */
export interface OrderStates {
  /** Records a failure: the order becomes `retrying` or `dead-lettered`, and an entry is added to its history. */
  fail(orderId: string, record: ParkedRecord, atMs: number): void
  /** Whether the order has a status other than stored. */
  has(orderId: string): boolean
  /** Adds the order's content if an earlier report of the same failure lacked it. */
  learn(orderId: string, record: ParkedRecord): void
  /** Removes the status of an order that is now stored. */
  remove(orderId: string): void
}

const UPSERT = `
  INSERT INTO order_states (order_id, status, attempt, max_attempts, next_attempt_at, cause_code, cause_detail, accepted_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (order_id) DO UPDATE SET
    status = excluded.status, attempt = excluded.attempt, max_attempts = excluded.max_attempts,
    next_attempt_at = excluded.next_attempt_at, cause_code = excluded.cause_code, cause_detail = excluded.cause_detail,
    accepted_at = coalesce(excluded.accepted_at, accepted_at), updated_at = excluded.updated_at`
const UPDATE_CONTENT = `
  UPDATE order_states SET order_json = ?, customer_id = ?, currency = ?, payment_method = ?, reference = ?
  WHERE order_id = ? RETURNING seq`
const SELECT_CONTENT = 'SELECT order_json FROM order_states WHERE order_id = ?'
const DELETE = 'DELETE FROM order_states WHERE order_id = ? RETURNING seq'
const INSERT_HISTORY = `
  INSERT INTO order_history (order_id, at, kind, attempt, next_attempt_at, cause_code, cause_detail) VALUES (?, ?, ?, ?, ?, ?, ?)`
const REPLACE_SEARCH = 'INSERT OR REPLACE INTO order_state_search (rowid, words) VALUES (?, ?)'
const DELETE_SEARCH = 'DELETE FROM order_state_search WHERE rowid = ?'

export function prepareOrderStates(db: DatabaseSync): OrderStates {
  const upsert = db.prepare(UPSERT)
  const updateContent = db.prepare(UPDATE_CONTENT)
  const selectContent = db.prepare(SELECT_CONTENT)
  const deleteState = db.prepare(DELETE)
  const insertHistory = db.prepare(INSERT_HISTORY)
  const replaceSearch = db.prepare(REPLACE_SEARCH)
  const deleteSearch = db.prepare(DELETE_SEARCH)
  const searchParts = createSearchParts()

  function writeContent(orderId: string, { order }: ParkedRecord): void {
    if (order === null) return
    const { customerId, currencyType, paymentMethodType, reference = null } = order
    const row = updateContent.get(
      JSON.stringify(order),
      customerId,
      currencyType,
      paymentMethodType,
      reference,
      toIdBytes(orderId),
    )
    if (row !== undefined) replaceSearch.run(Number(row['seq']), searchableText(order, searchParts(orderId, order)))
  }

  return {
    fail(orderId, record, atMs) {
      const { attempt, maxAttempts, cause } = record
      const id = toIdBytes(orderId)
      const isDead = record.state === 'dead'
      const nextAttemptAt = record.nextAttemptAt === null ? null : toMs(record.nextAttemptAt)
      const acceptedAt = record.acceptedAt === null ? null : toMs(record.acceptedAt)
      const status = isDead ? 'dead-lettered' : 'retrying'
      upsert.run(id, status, attempt, maxAttempts, nextAttemptAt, cause.code, cause.detail, acceptedAt, atMs)
      writeContent(orderId, record)
      const kind = isDead ? 'dead-lettered' : 'attempt-failed'
      insertHistory.run(id, atMs, kind, attempt, nextAttemptAt, cause.code, cause.detail)
    },
    has: (orderId) => selectContent.get(toIdBytes(orderId)) !== undefined,
    learn(orderId, record) {
      const id = toIdBytes(orderId)
      if (record.order !== null && selectContent.get(id)?.['order_json'] === null) writeContent(orderId, record)
    },
    remove(orderId) {
      const row = deleteState.get(toIdBytes(orderId))
      if (row !== undefined) deleteSearch.run(Number(row['seq']))
    },
  }
}
