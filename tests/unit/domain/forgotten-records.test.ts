import { describe, expect, test } from 'vitest'
import { forgetValue } from '../../../shared/domain/forgetting/forget-value.ts'
import { claimedCustomer, claims, isForgottenValue } from '../../../shared/domain/forgetting/forgotten-records.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { bodyHash, changeJson, newOrderJson, newOrderOf } from '../../../shared/domain/order-events.ts'
import type { ChangeToStore, OrderToStore } from '../../../shared/ports/order-store.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { isChange, readEvent } from '../../../shared/messaging/records/envelope.ts'
import {
  changeEvent,
  changeMessageOf,
  delivered,
  messageOf,
  newOrder,
  orderCommand,
} from '../../support/orders/orders.ts'

const ORDER = orderCommand({
  customerId: 48_213,
  customerName: 'Zelda',
  customerLastName: 'Quill',
  customerEmail: 'zelda@example.org',
  shippingAddress: '1 Umbral Lane',
  billingAddress: '2 Umbral Lane',
  reference: 'SHOP-ZELDA',
  metadata: { note: 'for Zelda' },
})
const SECRETS = /zelda|quill|umbral/i
const bytes = (text: string) => Buffer.from(text)
const textOf = (value: Uint8Array) => Buffer.from(value).toString()
const place = { topic: 'orders', partition: 0, offset: 0 }
const ORDER_RECORD = delivered(messageOf(newOrder({ data: ORDER })), place)

function orderIn(value: Uint8Array): OrderToStore {
  const event = readEvent({ ...ORDER_RECORD, value }, place)
  if (isChange(event)) throw new Error('The record holds a change.')
  return event
}

function changeIn(record: LogRecord, value: Uint8Array): ChangeToStore {
  const event = readEvent({ ...record, value }, place)
  if (!isChange(event)) throw new Error('The record holds no change.')
  return event
}

describe('the value of a record', () => {
  test('reads as the same order without personal data, under the hash of the original', () => {
    const value = forgetValue(bytes(newOrderJson(ORDER)))
    expect(value).toHaveLength(newOrderJson(ORDER).length)
    expect(textOf(value)).not.toMatch(SECRETS)
    const event = orderIn(value)
    expect(event.bodyHash).toBe(bodyHash(newOrderJson(ORDER)))
    const { customerId, totalPrice, orderItems } = ORDER
    expect(newOrderOf(event.json)).toMatchObject({
      customerId,
      totalPrice,
      orderItems,
      forgotten: true,
      customerEmail: '',
    })
    expect(event.json).not.toMatch(SECRETS)
  })

  test.each([
    { kind: 'amend', amendment: { customerName: 'Zelda', totalPrice: 5 }, expectedVersion: 2 },
    { kind: 'amend', amendment: { shippingAddress: '3 Umbral Lane' } },
    { kind: 'cancel', reason: 'Zelda is ill' },
  ] satisfies OrderChange[] as OrderChange[])('reads as the same change: %j', (change) => {
    const record = delivered(changeMessageOf(changeEvent(newOrder().orderId, { change })), place)
    const value = forgetValue(bytes(changeJson(change)))
    expect(value).toHaveLength(changeJson(change).length)
    expect(textOf(value)).not.toMatch(SECRETS)
    const event = changeIn(record, value)
    expect(event.bodyHash).toBeNull()
    expect(event.change).toMatchObject({ kind: change.kind, forgotten: true })
    if (change.kind === 'amend' && event.change.kind === 'amend') {
      expect(event.change.amendment.totalPrice).toBe(change.amendment.totalPrice)
    }
  })

  test.each([{ kind: 'cancel' }, { kind: 'amend', amendment: { totalPrice: 5 }, expectedVersion: 3 }] as const)(
    'stays as it is if the change has no personal data: %j',
    (change) => {
      const value = bytes(changeJson(change))
      expect(forgetValue(value)).toBe(value)
    },
  )

  test('stays the same event in structured mode, without attributes of other producers', () => {
    const event = { specversion: '1.0', id: 'x', type: 'NewOrder.v1', source: '/shop', zelda: 'Quill', data: ORDER }
    const value = forgetValue(bytes(JSON.stringify(event)))
    expect(JSON.parse(textOf(value))).toMatchObject({ id: 'x', type: 'NewOrder.v1', data: { customerId: 48_213 } })
    expect(textOf(value)).not.toMatch(SECRETS)
    expect(claimedCustomer(value)).toBe(48_213)
    const encoded = { ...event, data: undefined, data_base64: bytes(newOrderJson(ORDER)).toString('base64') }
    expect(claims(bytes(JSON.stringify(encoded)), 48_213)).toBe(true)
    expect(textOf(forgetValue(bytes(JSON.stringify(encoded))))).not.toMatch(/data_base64|quill/i)
  })

  test.each([
    ['no JSON', `{"customerId": 48213, "customerName": "Zelda", broken`],
    ['no order', `{"customerId": 48213, "customerName": ["Zelda"], "phone": "Quill 7"}`],
    ['an id as text', `{"customerId": "48213", "name": "Zelda"}`],
  ])('loses everything if it is %s', (_, text) => {
    expect(claims(bytes(text), 48_213)).toBe(true)
    const value = forgetValue(bytes(text))
    expect(textOf(value)).not.toMatch(SECRETS)
    expect(isForgottenValue(value)).toBe(true)
    expect(() => orderIn(value)).toThrow()
  })

  test('that was redacted stays byte for byte, and a mark of another producer hides nothing', () => {
    const value = forgetValue(bytes(newOrderJson(ORDER)))
    expect(forgetValue(value)).toBe(value)
    const forged = bytes(JSON.stringify({ ...ORDER, forgotten: 'A'.repeat(43) }))
    expect(isForgottenValue(forged)).toBe(false)
    expect(textOf(forgetValue(forged))).not.toMatch(SECRETS)
  })

  test.each(['{"customerId": 482130}', '{"note": "48213"}', '[48213]', '48213', ''])('of nobody: %s', (text) => {
    expect(claims(bytes(text), 48_213)).toBe(false)
  })
})
