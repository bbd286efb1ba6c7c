import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import { createOrderIds } from '../../../shared/domain/order-id.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { changeJson, newOrderJson, type ChangeEvent, type NewOrder } from '../../../shared/domain/order-events.ts'
import { isChange, readEvent, toChangeMessage, toMessage } from '../../../shared/messaging/records/envelope.ts'
import type { DeliveredRecord } from '../../../shared/messaging/records/kafka-event.ts'
import type { LogRecord, RecordPosition, RecordToPublish } from '../../../shared/ports/event-log.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'

export const testOrderIds = createOrderIds(['a secret for tests only'])

/** The body with which the original reference application was load-tested. */
export const ORIGINAL_BODY = {
  customerId: 1,
  customerName: 'Alex',
  customerLastName: 'Example',
  customerEmail: 'alex@example.com',
  shippingAddress: '1 Sample Street',
  billingAddress: '1 Sample Street',
  currencyType: 1,
  totalPrice: 42.5,
  paymentMethodType: 4,
  orderItems: [
    {
      itemCode: 'A-1',
      brand: 'Brand',
      type: 'Shirt',
      size: 'M',
      colour: 'Blue',
      quantity: 1,
      price: 42.5,
      currencyType: 1,
    },
  ],
}

export function orderCommand(changes: Partial<NewOrderCommand> = {}): NewOrderCommand {
  return {
    ...ORIGINAL_BODY,
    currencyType: 'EUR',
    paymentMethodType: 'CreditCard',
    orderItems: ORIGINAL_BODY.orderItems.map((item) => ({ ...item, currencyType: 'EUR' })),
    ...changes,
  }
}

export function newOrder(changes: Partial<NewOrder> = {}): NewOrder {
  const acceptedAt = '2026-01-01T00:00:00.000Z'
  return {
    orderId: testOrderIds.next(Date.parse(acceptedAt)),
    acceptedAt,
    data: orderCommand(),
    idempotencyKeyHash: null,
    ...changes,
  }
}

export function messageOf(event: NewOrder = newOrder()): RecordToPublish {
  return toMessage(event, newOrderJson(event.data), undefined)
}

/** A change to the order: an amendment of its total unless `changes` says otherwise. */
export function changeEvent(orderId: string, changes: Partial<ChangeEvent> = {}): ChangeEvent {
  const acceptedAt = '2026-01-01T00:01:00.000Z'
  const change: OrderChange = { kind: 'amend', amendment: { totalPrice: 7 } }
  const changeId = testOrderIds.nextChange(orderId, Date.parse(acceptedAt))
  return { changeId, orderId, acceptedAt, change, idempotencyKeyHash: null, ...changes }
}

export function changeMessageOf(event: ChangeEvent): RecordToPublish {
  return toChangeMessage(event, changeJson(event.change), undefined)
}

/** A published record as the log returns it. */
export function delivered(
  record: RecordToPublish,
  place: { topic?: string; partition?: number; offset: number },
): DeliveredRecord {
  return {
    topic: place.topic ?? 'orders',
    partition: place.partition ?? 0,
    offset: place.offset,
    timestamp: record.timestamp ?? Date.UTC(2026, 0, 1),
    key: bytes(record.key),
    value: bytes(record.value),
    headers: record.headers.map(([name, value]) => [name, bytes(value)] as const),
    lossy: false,
  }
}

function bytes(value: Uint8Array | string | null): Uint8Array | null {
  return typeof value === 'string' ? Buffer.from(value) : value
}

/** The order in a record. Throws as readEvent does. */
export function orderIn(record: LogRecord, origin: RecordPosition): OrderToStore {
  const event = readEvent(record, origin)
  if (isChange(event)) throw new Error('The record has a change.')
  return event
}
