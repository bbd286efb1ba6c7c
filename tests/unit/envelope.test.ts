import { describe, expect, it } from 'vitest'
import { fromMessage, orderIdOf, toMessage } from '../../shared/messaging/envelope.ts'
import { newOrderJson } from '../../shared/domain/order-events.ts'
import { delivered, messageOf, newOrder } from '../support/orders.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const ORIGIN = { topic: 'orders', partition: 0, offset: 7 }
const EVENT = newOrder({ idempotencyKeyHash: 'ab'.repeat(32) })
const RECORD = delivered(messageOf(EVENT), { offset: 7 })

function changed(change: { header?: [string, string | null]; value?: Uint8Array | null; key?: Uint8Array | null }) {
  const headers = RECORD.headers
    .filter(([name]) => name !== change.header?.[0])
    .concat(
      change.header === undefined || change.header[1] === null
        ? []
        : [[change.header[0], Buffer.from(change.header[1])]],
    )
  return {
    ...RECORD,
    headers,
    ...('value' in change && { value: change.value ?? null }),
    ...('key' in change && { key: change.key ?? null }),
  }
}

describe('NewOrder on the wire', () => {
  it('is CloudEvents in binary mode, keyed by the order id', () => {
    const message = toMessage(EVENT, newOrderJson(EVENT.data), TRACE)
    expect(message.key).toBe(EVENT.orderId)
    expect(JSON.parse(String(message.value))).toEqual(EVENT.data)
    expect(Object.fromEntries(message.headers)).toEqual({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: EVENT.orderId,
      ce_type: 'NewOrder.v1',
      ce_source: '/orders',
      ce_time: EVENT.acceptedAt,
      ce_subject: EVENT.orderId,
      ce_idempotencykeyhash: EVENT.idempotencyKeyHash,
      traceparent: TRACE,
      ce_traceparent: TRACE,
    })
  })

  it('comes back as the order that went in', () => {
    expect(fromMessage(RECORD, ORIGIN)).toMatchObject({
      origin: ORIGIN,
      orderId: EVENT.orderId,
      acceptedAt: EVENT.acceptedAt,
      order: EVENT.data,
      idempotencyKeyHash: EVENT.idempotencyKeyHash,
      redriveOf: null,
    })
  })

  it('has the same body hash whatever the spacing and order of its JSON', () => {
    const spaced = JSON.stringify(Object.fromEntries(Object.entries(EVENT.data).toReversed()), null, 2)
    expect(fromMessage(changed({ value: Buffer.from(spaced) }), ORIGIN).bodyHash).toBe(
      fromMessage(RECORD, ORIGIN).bodyHash,
    )
  })

  it.each([
    ['no value', changed({ value: null }), 'undecodable-record'],
    ['bytes that are not UTF-8', changed({ value: Buffer.from([0x7b, 0xff]) }), 'undecodable-record'],
    ['text that is not JSON', changed({ value: Buffer.from('{') }), 'undecodable-record'],
    ['JSON that is no order', changed({ value: Buffer.from('{"customerId":0}') }), 'invalid-order'],
    ['an event type that nobody knows', changed({ header: ['ce_type', 'NewOrder.v99'] }), 'unknown-event'],
    ['no event type', changed({ header: ['ce_type', null] }), 'unknown-event'],
    ['no order id', changed({ header: ['ce_id', 'nobody'] }), 'undecodable-record'],
  ])('is poison with %s', (_, record, code) => {
    expect(() => fromMessage(record, ORIGIN)).toThrow(expect.objectContaining({ code, retriable: false }))
  })

  it('says whose it is even when its value cannot be read, by ce_id or else by its key', () => {
    expect(orderIdOf(changed({ value: null }))).toBe(EVENT.orderId)
    expect(orderIdOf(changed({ header: ['ce_id', null] }))).toBe(EVENT.orderId)
    expect(orderIdOf(changed({ header: ['ce_id', null], key: null }))).toBeUndefined()
  })
})
