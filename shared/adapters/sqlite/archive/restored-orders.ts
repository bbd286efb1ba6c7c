import type { DatabaseSync } from 'node:sqlite'
import type { ArchivedChange, ArchivedEntry, ArchivedOrder } from '../../../domain/archived-order.ts'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { OrderError } from '../../../domain/errors.ts'
import { keyOfOther, olderCopy } from '../../stores/refusals.ts'
import { INSERT_ITEM, itemValues, orderValues, SPAN_ORDERS } from '../orders/stored-orders.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { toHashBytes, toIdBytes, toIdList, toMs } from '../database/values.ts'
import { prepareForgottenCustomers } from '../forgetting/forgotten-customers.ts'
import { prepareTombstones } from './tombstones.ts'

/** Inserts the rows of archived orders again, within the caller's transaction. */
export interface RestoredOrders {
  /** Must be called at the start of the transaction. */
  begin(): void
  /**
   * Restores the order, without personal data if its customer was forgotten. Returns false if the store already has the
   * order. Throws `conflict` if the order's Idempotency-Key belongs to another order, or if the order was archived
   * again with changes that this document does not contain.
   */
  takeBack(order: ArchivedOrder): boolean
  /** Must be called at the end of the transaction. */
  complete(): void
}

/** The following statements use the unique indexes on order_id and the primary key. */
const IS_HERE = 'SELECT 1 FROM orders WHERE order_id = ?1 UNION ALL SELECT 1 FROM order_states WHERE order_id = ?1'
const IS_TAKEN = 'SELECT 1 FROM orders WHERE seq = ?'
/** If `seq` is null, SQLite assigns one, and the order becomes the newest. */
const INSERT_ORDER = `
  INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING RETURNING seq`
const INSERT_WORDS = 'INSERT INTO order_search (rowid, words) VALUES (?, ?)'
const UPSERT_SPAN = `
  INSERT INTO order_spans VALUES (?1, ?2, ?2)
  ON CONFLICT DO UPDATE SET
    min_accepted_at = min(min_accepted_at, excluded.min_accepted_at),
    max_accepted_at = max(max_accepted_at, excluded.max_accepted_at)`
const INSERT_STATE = `
  INSERT INTO order_states (
    order_id, status, attempt, max_attempts, cause_code, cause_detail, accepted_at, updated_at, order_json, customer_id,
    currency, payment_method, reference
  ) VALUES (?, 'discarded', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`
const INSERT_STATE_WORDS = 'INSERT INTO order_state_search (rowid, words) VALUES (?, ?)'
const INSERT_CHANGE = `
  INSERT INTO order_changes (
    change_id, order_id, kind, state, early, event, body_hash, idempotency_key_hash, origin_topic, origin_partition,
    origin_offset, accepted_at, updated_at, version, cause_code, cause_detail, attempt
  ) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const INSERT_ENTRY = `
  INSERT INTO order_history (order_id, at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_CHANGE_ENTRY = `
  INSERT INTO order_change_history (
    order_id, at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, change_id, version
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/**
 * The file of a newer copy, if the order was stored or changed after this copy was archived. Uses the primary key and
 * archived_changes_by_order.
 */
const SELECT_NEWER = `
  SELECT o.file FROM archived_orders o WHERE o.order_id = ?1 AND ((?2 AND o.body_hash IS NOT NULL) OR EXISTS (
    SELECT 1 FROM archived_changes c
    WHERE c.order_id = o.order_id AND c.change_id NOT IN (SELECT unhex(value) FROM json_each(?3))))`
const EXHUME_ORDER = 'DELETE FROM archived_orders WHERE order_id = ?'
/** Uses archived_changes_by_order. */
const EXHUME_CHANGES = 'DELETE FROM archived_changes WHERE order_id = ?'

export function prepareRestoredOrders(db: DatabaseSync): RestoredOrders {
  const isHere = db.prepare(IS_HERE)
  const isTaken = db.prepare(IS_TAKEN)
  const insertOrder = db.prepare(INSERT_ORDER)
  const insertItem = db.prepare(INSERT_ITEM)
  const insertWords = db.prepare(INSERT_WORDS)
  const upsertSpan = db.prepare(UPSERT_SPAN)
  const insertState = db.prepare(INSERT_STATE)
  const insertStateWords = db.prepare(INSERT_STATE_WORDS)
  const insertChange = db.prepare(INSERT_CHANGE)
  const insertEntry = db.prepare(INSERT_ENTRY)
  const insertChangeEntry = db.prepare(INSERT_CHANGE_ENTRY)
  const selectNewer = db.prepare(SELECT_NEWER)
  const exhumeOrder = db.prepare(EXHUME_ORDER)
  const exhumeChanges = db.prepare(EXHUME_CHANGES)
  const tombstones = prepareTombstones(db)
  const forgottenCustomers = prepareForgottenCustomers(db)
  const terms = prepareSearchTerms(db)
  const searchParts = createSearchParts()

  type Stored = NonNullable<ArchivedOrder['stored']>
  function takeBackStored({ orderId, acceptedAt }: ArchivedOrder, order: NewOrderCommand, stored: Stored): void {
    const place = tombstones.ofOrder(orderId)?.seq ?? null
    const row = insertOrder.get(
      place === null || isTaken.get(place) !== undefined ? null : place,
      ...orderValues(
        { ...stored, orderId, acceptedAt, order, redriveOf: null, supersedes: null },
        toMs(stored.storedAt),
        stored.recovered,
      ),
      stored.version,
      stored.cancelledAt === null ? null : toMs(stored.cancelledAt),
      stored.cancellationReason,
      order.forgotten === true ? 1 : 0,
    )
    if (row === undefined) throw keyOfOther(orderId)
    const seq = Number(row['seq'])
    for (const [line, item] of order.orderItems.entries()) insertItem.run(seq, line, ...itemValues(item))
    const parts = searchParts(orderId, order)
    insertWords.run(seq, searchableText({ ...order, isCancelled: stored.cancelledAt !== null }, parts))
    terms.note(parts)
    upsertSpan.run(Math.floor(seq / SPAN_ORDERS), toMs(acceptedAt))
  }

  type Discarded = NonNullable<ArchivedOrder['discarded']>
  function takeBackDiscarded({ orderId, acceptedAt, order }: ArchivedOrder, discarded: Discarded): void {
    const { attempt, maxAttempts, cause, updatedAt } = discarded
    const filters = [order?.customerId, order?.currencyType, order?.paymentMethodType, order?.reference] as const
    const row = insertState.get(
      toIdBytes(orderId),
      attempt,
      maxAttempts,
      cause.code,
      cause.detail,
      toMs(acceptedAt),
      toMs(updatedAt),
      order === null ? null : JSON.stringify(order),
      ...filters.map((value) => value ?? null),
    )
    if (order !== null) insertStateWords.run(Number(row?.['seq']), searchableText(order, searchParts(orderId, order)))
  }

  function takeBackChange(orderId: Uint8Array, change: ArchivedChange): void {
    const { changeId, kind, state, origin, acceptedAt, updatedAt, version, cause, attempt } = change
    insertChange.run(
      toIdBytes(changeId),
      orderId,
      kind,
      state,
      change.change === null ? null : JSON.stringify(change.change),
      change.bodyHash === null ? null : toHashBytes(change.bodyHash),
      change.idempotencyKeyHash === null ? null : toHashBytes(change.idempotencyKeyHash),
      origin.topic,
      origin.partition,
      origin.offset,
      acceptedAt === null ? null : toMs(acceptedAt),
      toMs(updatedAt),
      version,
      cause?.code ?? null,
      cause?.detail ?? null,
      attempt,
    )
  }

  function takeBackEntry(orderId: Uint8Array, entry: ArchivedEntry): void {
    const { at, kind, attempt, nextAttemptAt, cause, reason, changeId, version } = entry
    const nextMs = nextAttemptAt === null ? null : toMs(nextAttemptAt)
    const values = [orderId, toMs(at), kind, attempt, nextMs, cause?.code ?? null, cause?.detail ?? null, reason]
    if (changeId === null) insertEntry.run(...values)
    else insertChangeEntry.run(...values, toIdBytes(changeId), version)
  }

  return {
    // Words that were written earlier may be gone, because a transaction was rolled back or a customer was forgotten.
    begin: () => terms.forget(),
    takeBack(document) {
      const id = toIdBytes(document.orderId)
      const archived = forgottenCustomers.any() ? forgottenCustomers.archived(document) : document
      if (isHere.get(id) !== undefined) return false
      const newer = selectNewer.get(
        id,
        archived.stored === null ? 1 : 0,
        toIdList(archived.changes.map(({ changeId }) => changeId)),
      )
      if (newer !== undefined) throw olderCopy(archived.orderId, String(newer['file']))
      if (archived.stored !== null && archived.order !== null) takeBackStored(archived, archived.order, archived.stored)
      else if (archived.discarded !== null) takeBackDiscarded(archived, archived.discarded)
      else throw new OrderError('conflict', `Order ${archived.orderId} in the archive is neither stored nor discarded.`)
      for (const change of archived.changes) takeBackChange(id, change)
      for (const entry of archived.history) takeBackEntry(id, entry)
      exhumeOrder.run(id)
      exhumeChanges.run(id)
      return true
    },
    complete: () => terms.write(),
  }
}
