import { isBefore } from '../../domain/forgetting/forgotten-data.ts'
import { forgetValue } from '../../domain/forgetting/forget-value.ts'
import { claimedCustomer } from '../../domain/forgetting/forgotten-records.ts'
import { acceptedAtOf, orderIdOf } from '../../messaging/records/envelope.ts'
import type { LogRecord } from '../../ports/event-log.ts'

/**
 * The customers who have been forgotten since this process started. A record that was delivered before its customer was
 * forgotten may be parked afterwards. The parked copy must not bring the removed data back into the log.
 */
export interface ForgottenHere {
  add(customerId: number, forgottenAtMs: number): void
  /** Needed for records that name no customer: changes, and orders that cannot be read. */
  addOrders(orderIds: Iterable<string>): void
  /** The record without personal data if its customer was forgotten, otherwise the record itself. */
  without<Record extends LogRecord>(record: Record): Record
}

export function createForgottenHere(): ForgottenHere {
  const customers = new Map<number, number>()
  const orders = new Set<string>()

  function isForgotten(record: LogRecord): boolean {
    const customerId = claimedCustomer(record.value)
    const at = customerId === undefined ? undefined : customers.get(customerId)
    if (at !== undefined && isBefore(acceptedAtOf(record), at)) return true
    const orderId = orderIdOf(record)
    return orderId !== undefined && orders.has(orderId)
  }

  return {
    add: (customerId, forgottenAtMs) => void customers.set(customerId, forgottenAtMs),
    addOrders(orderIds) {
      for (const orderId of orderIds) orders.add(orderId)
    },
    without(record) {
      if (customers.size === 0 || record.value === null || !isForgotten(record)) return record
      return { ...record, value: forgetValue(record.value) }
    },
  }
}
