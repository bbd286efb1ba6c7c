import type { DatabaseSync } from 'node:sqlite'
import { claimedCustomer } from '../../../domain/forgetting/forgotten-records.ts'
import { forgetChange, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import type { OrderChange } from '../../../domain/changes/order-changes.ts'
import type { DeadLetter } from '../../../ports/dead-letters.ts'
import type { ChangeToStore, ParkedRecord } from '../../../ports/order-store.ts'
import type { ParsedBatch, ParsedOrder } from '../../stores/parsed-orders.ts'
import { forgetArchived, forgetParkedChange } from '../../stores/forgetting/forgotten-orders.ts'
import { letterAcceptedAt } from '../../stores/letters.ts'
import { toIdBytes, toMs } from '../database/values.ts'
import { forgottenLetters } from './forgotten-letters.ts'

/** Removes the personal data of forgotten customers from incoming data, within the caller's transaction. */
export interface ForgottenCustomers {
  /** Whether any customer has been forgotten. If none has, a batch needs only this one query. */
  any(): boolean
  /** The batch without the personal data of forgotten orders. The batch's changes are handled later, by `changes`. */
  orders: (batch: ParsedBatch) => ParsedBatch
  /**
   * The batch without the personal data in changes to forgotten orders. Also removes personal data from stored changes
   * to the batch's forgotten orders.
   */
  changes(batch: ParsedBatch): ParsedBatch
  letter: (letter: DeadLetter) => DeadLetter
  archived: (document: ArchivedOrder) => ArchivedOrder
  /** Removes personal data from the order's stored changes. Returns how many of these changes it updated. */
  storedChanges(orderId: Uint8Array): number
}

/** The following statements use primary keys and unique indexes. */
const IS_ANY = 'SELECT 1 FROM forgotten_customers WHERE customer_id > 0 LIMIT 1'
const SELECT_TIME = 'SELECT forgotten_at FROM forgotten_customers WHERE customer_id = ?'
const IS_FORGOTTEN = `
  SELECT 1 FROM orders WHERE order_id = ?1 AND forgotten = 1
  UNION ALL SELECT 1 FROM order_states WHERE order_id = ?1 AND order_json ->> '$.forgotten' = 1
  UNION ALL SELECT 1 FROM archived_orders o JOIN forgotten_customers c ON c.customer_id = o.customer_id
    WHERE o.order_id = ?1 AND o.accepted_at <= c.forgotten_at`
/** Uses order_changes_by_order. */
const SELECT_CHANGES = 'SELECT seq, event FROM order_changes WHERE order_id = ? AND event IS NOT NULL'
const UPDATE_CHANGE = 'UPDATE order_changes SET event = ? WHERE seq = ?'

export function prepareForgottenCustomers(db: DatabaseSync): ForgottenCustomers {
  const isAny = db.prepare(IS_ANY)
  const selectTime = db.prepare(SELECT_TIME)
  const isForgottenOrder = db.prepare(IS_FORGOTTEN)
  const selectChanges = db.prepare(SELECT_CHANGES)
  const updateChange = db.prepare(UPDATE_CHANGE)

  /** Whether an order that the customer placed at `acceptedAtMs` is forgotten. */
  function isForgotten(customerId: number, acceptedAtMs: number): boolean {
    const at = selectTime.get(customerId)?.['forgotten_at']
    return at !== undefined && !(acceptedAtMs > Number(at))
  }

  function ofOrder(orderId: string): boolean {
    return isForgottenOrder.get(toIdBytes(orderId)) !== undefined
  }

  function order(event: ParsedOrder): ParsedOrder {
    const { order: content, acceptedAt } = event
    if (!isForgotten(content.customerId, toMs(acceptedAt))) return event
    return { ...event, order: forgetOrder(content) }
  }

  function parkedOrder(record: ParkedRecord): ParkedRecord {
    const { order: content, acceptedAt } = record
    if (content === null || !isForgotten(content.customerId, toMs(acceptedAt ?? ''))) return record
    return { ...record, order: forgetOrder(content) }
  }

  function storedChanges(orderId: Uint8Array): number {
    let count = 0
    for (const { seq, event } of selectChanges.all(orderId)) {
      const change = JSON.parse(String(event)) as OrderChange
      if (change.forgotten === true) continue
      updateChange.run(JSON.stringify(forgetChange(change)), Number(seq))
      count += 1
    }
    return count
  }

  return {
    any: () => isAny.get() !== undefined,
    storedChanges,
    orders: (batch) => ({
      ...batch,
      orders: batch.orders.map(order),
      parked: batch.parked.map(parkedOrder),
    }),
    changes(batch) {
      const forgotten = new Set<string>()
      for (const { orderId, order: content } of [...batch.orders, ...batch.parked]) {
        if (content?.forgotten !== true || orderId === null) continue
        forgotten.add(orderId)
        storedChanges(toIdBytes(orderId))
      }
      const isOf = (orderId: string | null) => orderId !== null && (forgotten.has(orderId) || ofOrder(orderId))
      const changes = batch.changes?.map((event): ChangeToStore =>
        isOf(event.orderId) ? { ...event, change: forgetChange(event.change) } : event,
      )
      return {
        ...batch,
        ...(changes !== undefined && { changes }),
        parked: batch.parked.map((record) =>
          record.change !== undefined && isOf(record.orderId) ? forgetParkedChange(record) : record,
        ),
      }
    },
    archived(document) {
      const { order: content, acceptedAt } = document
      const isOfCustomer = content !== null && isForgotten(content.customerId, toMs(acceptedAt))
      return isOfCustomer ? forgetArchived(document) : document
    },
    letter(letter) {
      const customerId = claimedCustomer(letter.value)
      const isOfCustomer = customerId !== undefined && isForgotten(customerId, letterAcceptedAt(letter))
      const isOfOrder = letter.orderId !== null && ofOrder(letter.orderId)
      return isOfCustomer || isOfOrder ? forgottenLetters().forgetLetter(letter) : letter
    },
  }
}
