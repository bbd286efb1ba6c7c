import type { Row } from '../../../shared/adapters/mssql/database/connection.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'

const at = new Date('2026-01-01T00:00:00.000Z')

/** A row of orders, as the driver returns it. */
export function orderRowOf(orderId: string, version = 1): Row {
  return {
    seq: '7',
    rank_class: 0,
    order_id: orderId.toUpperCase(),
    customer_id: '1',
    customer_name: 'Alex',
    customer_last_name: 'Example',
    customer_email: 'alex@example.org',
    shipping_address: 'Street 1',
    billing_address: 'Street 1',
    currency: 'EUR',
    total_price: 1,
    payment_method: 'PayPal',
    accepted_at: at,
    stored_at: at,
    recovered: false,
    reference: null,
    metadata: null,
    version,
    cancelled_at: null,
    cancellation_reason: null,
  }
}

/** A row of order_changes for a change that has a place in the sequence (`turn`). */
export function changeRowOf(
  orderId: string,
  changeId: string,
  { turn = 1, state = 'waiting', change }: { turn?: number; state?: string; change: OrderChange },
): Row {
  return {
    order_id: orderId.toUpperCase(),
    change_id: changeId.toUpperCase(),
    turn: String(turn),
    kind: change.kind,
    state,
    event: JSON.stringify(change),
    accepted_at: at,
    waits_told: false,
    last_applied: null,
  }
}
