import type { DatabaseSync } from 'node:sqlite'
import { FORGOTTEN, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { claims, ENCODED } from '../../../domain/forgetting/forgotten-records.ts'
import { OrderError } from '../../../domain/errors.ts'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import type { Held } from '../../../ports/forgetting.ts'
import type { Act } from '../../../ports/redrives.ts'
import { forgottenTarget, REBUILD_RUNS } from '../../stores/forgetting/forgetting-refusals.ts'
import { inTransaction } from '../database/database.ts'
import { fromIdBytes, toIdBytes, toMs } from '../database/values.ts'
import { prepareAudit } from '../dead-letters/audit.ts'
import { LETTER_COLUMNS, toLetter } from '../dead-letters/letter-rows.ts'
import { prepareRebuildQueries } from '../rebuild/rebuild-queries.ts'
import { prepareRebuiltTables } from '../rebuild/rebuilt-tables.ts'
import { prepareReindexRefusal } from '../search/search-reindex.ts'
import { prepareForgottenCustomers } from './forgotten-customers.ts'
import { forgottenLetters } from './forgotten-letters.ts'
import { prepareForgottenWords } from './forgotten-words.ts'

/** Forgets customers (port Forgetting). Each command is one transaction. */
export interface ForgetCommands {
  held(customerId: number): Held
  forget(customerId: number, act: Act): Held
  forgetOrders(orderIds: readonly string[]): void
}

/** Uses orders_by_customer. */
const SELECT_ORDERS = 'SELECT seq, order_id, forgotten FROM orders WHERE customer_id = ? ORDER BY seq'
/** Reads the whole table, which contains only the few orders that are not stored. */
const SELECT_STATES = 'SELECT seq, order_id, status, order_json FROM order_states WHERE customer_id = ?'
/**
 * Uses archived_orders_by_customer. For archived orders, the store may still have letters and late changes. If an order
 * was archived after its customer had been forgotten, its file contains none of the customer's personal data.
 * `forgotten_customers` has only the last time at which the customer was forgotten; the audit log has the earlier ones
 * (audit_by_target). If AUDIT_RETENTION has removed them, a file may be named although it does not have the data.
 */
const SELECT_ARCHIVED = `
  SELECT order_id, file AS archive_file, NOT EXISTS (
    SELECT 1 FROM forgotten_customers c
    WHERE c.customer_id = o.customer_id AND o.accepted_at <= c.forgotten_at AND c.forgotten_at < o.archived_at
  ) AND NOT EXISTS (
    SELECT 1 FROM audit a
    WHERE a.target = ?2 AND a.action = 'forget' AND o.accepted_at <= a.at AND a.at < o.archived_at
  ) AS has_data
  FROM archived_orders o WHERE customer_id = ?1`
/**
 * Reads every payload, because dead letters have no column for the customer. Only the payloads that may name the
 * customer are then parsed.
 */
const SELECT_NAMING = `
  SELECT kept_seq FROM dead_letters
  WHERE instr(record_value, CAST(?1 AS BLOB)) > 0 OR instr(record_value, CAST('${ENCODED}' AS BLOB)) > 0
    OR instr(edited_value, CAST(?1 AS BLOB)) > 0`
/** Uses dead_letters_by_order. */
const SELECT_OF_ORDER = 'SELECT kept_seq FROM dead_letters WHERE order_id = ? AND removed_at IS NULL'
const SELECT_LETTER = `SELECT ${LETTER_COLUMNS} FROM dead_letters WHERE kept_seq = ?`
/** Whether the order in the store belongs to another customer. */
const IS_OF_ANOTHER = `
  SELECT 1 FROM orders WHERE order_id = ?1 AND customer_id <> ?2
  UNION ALL SELECT 1 FROM order_states WHERE order_id = ?1 AND customer_id <> ?2`
/** Uses order_changes_by_order. */
const SELECT_CHANGES = `
  SELECT count(*) AS changes, count(*) FILTER (WHERE state = 'waiting') AS waiting FROM order_changes
  WHERE order_id = ? AND event IS NOT NULL AND event ->> '$.forgotten' IS NULL`
const FORGET_ORDER = `
  UPDATE orders SET
    customer_name = ?, customer_last_name = ?, customer_email = ?, shipping_address = ?, billing_address = ?,
    reference = NULL, metadata = NULL, cancellation_reason = NULL, forgotten = 1
  WHERE seq = ?`
const FORGET_STATE = 'UPDATE order_states SET order_json = ?, reference = NULL WHERE seq = ?'
const FORGET_LETTER = `
  UPDATE dead_letters SET
    record_value = ?, edited_value = ?, headers = ?, stack = NULL, first_detail = ?, last_detail = ?
  WHERE kept_seq = ?`
const REMEMBER = 'INSERT OR REPLACE INTO forgotten_customers VALUES (?, ?)'
const MARK_DUE = 'UPDATE forgetting SET is_due = 1'

interface Found {
  readonly orders: readonly { seq: number; isForgotten: boolean }[]
  readonly states: readonly { seq: number; order: NewOrderCommand; isRetrying: boolean }[]
  readonly letters: readonly { seq: number; isEdited: boolean }[]
  /** For each archived order with personal data, the file that contains it. */
  readonly archivedIn: readonly string[]
  readonly orderIds: readonly Uint8Array[]
}

export function prepareForgetCommands(db: DatabaseSync): ForgetCommands {
  const selectOrders = db.prepare(SELECT_ORDERS)
  const selectStates = db.prepare(SELECT_STATES)
  const selectArchived = db.prepare(SELECT_ARCHIVED)
  const selectNaming = db.prepare(SELECT_NAMING)
  const selectOfOrder = db.prepare(SELECT_OF_ORDER)
  const selectLetter = db.prepare(SELECT_LETTER)
  const isOfAnother = db.prepare(IS_OF_ANOTHER)
  const selectChanges = db.prepare(SELECT_CHANGES)
  const updateOrder = db.prepare(FORGET_ORDER)
  const updateState = db.prepare(FORGET_STATE)
  const updateLetter = db.prepare(FORGET_LETTER)
  const remember = db.prepare(REMEMBER)
  const markDue = db.prepare(MARK_DUE)
  const rebuilds = prepareRebuildQueries(db)
  const refuseReindex = prepareReindexRefusal(db)
  const tables = prepareRebuiltTables(db)
  const audit = prepareAudit(db)
  const forgotten = prepareForgottenCustomers(db)
  const words = prepareForgottenWords(db)

  function letterAt(seq: number) {
    const row = selectLetter.get(seq)
    if (row === undefined) throw new OrderError('internal', 'A dead letter has vanished.')
    return toLetter(row)
  }

  /**
   * The letters that contain personal data and either name the customer or belong to one of the customer's orders. Also
   * adds to `orderIds` the order id of each letter that names the customer, unless that order belongs to another
   * customer.
   */
  function lettersOf(customerId: number, orderIds: Set<string>): number[] {
    const seqs = new Set<number>()
    for (const { kept_seq: keptSeq } of selectNaming.all(String(customerId))) {
      const seq = Number(keptSeq)
      const { value, editedValue, orderId } = letterAt(seq)
      if (!claims(value, customerId) && !claims(editedValue, customerId)) continue
      seqs.add(seq)
      if (orderId === null || isOfAnother.get(toIdBytes(orderId), customerId) !== undefined) continue
      orderIds.add(orderId)
    }
    for (const orderId of orderIds) addLettersOf(toIdBytes(orderId), seqs)
    return [...seqs].filter((seq) => forgottenLetters().hasPersonalData(letterAt(seq)))
  }

  function addLettersOf(orderId: Uint8Array, seqs: Set<number>): void {
    for (const { kept_seq: seq } of selectOfOrder.all(orderId)) seqs.add(Number(seq))
  }

  function find(customerId: number): Found {
    const stored = selectOrders.all(customerId)
    const unstored = selectStates.all(customerId)
    const archived = selectArchived.all(customerId, forgottenTarget(customerId))
    const orderIds = new Set(
      [...stored, ...unstored, ...archived].map((row) => fromIdBytes(row['order_id'] as Uint8Array)),
    )
    const letters = lettersOf(customerId, orderIds)
    return {
      orders: stored.map(({ seq, forgotten: mark }) => ({ seq: Number(seq), isForgotten: mark === 1 })),
      states: unstored
        .filter((row) => row['order_json'] !== null)
        .map((row) => ({
          seq: Number(row['seq']),
          order: JSON.parse(String(row['order_json'])) as NewOrderCommand,
          isRetrying: row['status'] === 'retrying',
        }))
        .filter(({ order }) => order.forgotten !== true),
      letters: letters.map((seq) => ({ seq, isEdited: letterAt(seq).editedValue !== null })),
      archivedIn: archived.flatMap((row) => (row['has_data'] === 1 ? [String(row['archive_file'])] : [])),
      orderIds: [...orderIds].map(toIdBytes),
    }
  }

  function toHeld({ orders, states, letters, archivedIn, orderIds }: Found): Held {
    const changes = orderIds.map((id) => selectChanges.get(id))
    const sum = (figure: string) => changes.reduce((total, row) => total + Number(row?.[figure] ?? 0), 0)
    return {
      orders: orders.filter(({ isForgotten }) => !isForgotten).length,
      unstored: states.length,
      retrying: states.filter(({ isRetrying }) => isRetrying).length,
      changes: sum('changes'),
      waitingChanges: sum('waiting'),
      deadLetters: letters.length,
      edits: letters.filter(({ isEdited }) => isEdited).length,
      archived: archivedIn.length,
      archiveFiles: [...new Set(archivedIn)].toSorted(),
      orderIds: orderIds.map(fromIdBytes),
    }
  }

  function forgetLetters(seqs: Iterable<number>): void {
    for (const seq of seqs) {
      const { value, editedValue, headersJson, firstCause, lastCause } = forgottenLetters().forgetKept(letterAt(seq))
      updateLetter.run(value, editedValue, headersJson, firstCause.detail, lastCause.detail, seq)
    }
  }

  function forgetRows({ orders, states, letters, orderIds }: Found): void {
    const { customerName, customerLastName, customerEmail, shippingAddress, billingAddress } = FORGOTTEN
    const placeholders = [customerName, customerLastName, customerEmail, shippingAddress, billingAddress] as const
    for (const { seq } of orders.filter(({ isForgotten }) => !isForgotten)) updateOrder.run(...placeholders, seq)
    for (const { seq, order } of states) {
      const without = forgetOrder(order)
      updateState.run(JSON.stringify(without), seq)
      words.replaceState(seq, without)
    }
    forgetLetters(letters.map(({ seq }) => seq))
    for (const id of orderIds) forgotten.storedChanges(id)
    words.complete()
  }

  return {
    held: (customerId) => inTransaction(db, () => toHeld(find(customerId)), 'ROLLBACK'),
    forget(customerId, act) {
      return inTransaction(db, () => {
        if (rebuilds.getRebuild(toMs(act.at))?.state === 'running') throw new OrderError('conflict', REBUILD_RUNS)
        refuseReindex()
        // If a rebuild's process died, the rebuild's tables may still contain the personal data.
        tables.drop()
        const found = find(customerId)
        const held = toHeld(found)
        remember.run(customerId, toMs(act.at))
        forgetRows(found)
        audit.record('forget', forgottenTarget(customerId), act)
        markDue.run()
        return held
      })
    },
    forgetOrders(orderIds) {
      inTransaction(db, () => {
        for (const id of orderIds.map(toIdBytes)) {
          const seqs = new Set<number>()
          addLettersOf(id, seqs)
          forgetLetters(seqs)
          forgotten.storedChanges(id)
        }
        markDue.run()
      })
    },
  }
}
