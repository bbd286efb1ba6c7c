import { describe, expect, it } from 'vitest'
import { acceptedAtOf, orderIdOf, toMessage } from '../../../shared/messaging/records/envelope.ts'
import { newOrderJson, newOrderOf } from '../../../shared/domain/order-events.ts'
import { delivered, messageOf, newOrder, orderIn } from '../../support/orders/orders.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const ORIGIN = { topic: 'orders', partition: 0, offset: 7 }
const EVENT = newOrder({ idempotencyKeyHash: 'ab'.repeat(32) })
const RECORD = delivered(messageOf(EVENT), { offset: 7 })
const STRUCTURED = 'application/cloudevents+json; charset=UTF-8'

/** The same event, written the way another producer would write it: attributes and data in one JSON object. */
function structured(changes: Record<string, unknown> = {}, contentType = STRUCTURED) {
  const event = {
    specversion: '1.0',
    id: EVENT.orderId,
    type: 'NewOrder.v1',
    source: '/shop',
    time: EVENT.acceptedAt,
    datacontenttype: 'application/json',
    idempotencykeyhash: EVENT.idempotencyKeyHash,
    data: EVENT.data,
    ...changes,
  }
  const value = Buffer.from(JSON.stringify(event))
  return { ...RECORD, key: null, value, headers: [['content-type', Buffer.from(contentType)] as const] }
}

function base64Of(data: unknown): string {
  return Buffer.from(JSON.stringify(data)).toString('base64')
}

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
  it('is a CloudEvent in binary mode, keyed by the order id', () => {
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

  it('has the tracestate of the request as well as its traceparent', () => {
    const { headers } = toMessage(EVENT, newOrderJson(EVENT.data), TRACE, 'rojo=00f067aa0ba902b7')
    expect(Object.fromEntries(headers)).toMatchObject({ traceparent: TRACE, tracestate: 'rojo=00f067aa0ba902b7' })
  })

  it('is read back as the order that was written', () => {
    expect(orderIn(RECORD, ORIGIN)).toMatchObject({
      origin: ORIGIN,
      orderId: EVENT.orderId,
      acceptedAt: EVENT.acceptedAt,
      json: newOrderJson(EVENT.data),
      idempotencyKeyHash: EVENT.idempotencyKeyHash,
      redriveOf: null,
    })
  })

  it.each([
    ['structured mode', structured()],
    ['structured mode with its data in base64', structured({ data: undefined, data_base64: base64Of(EVENT.data) })],
    ['structured mode by a producer that shouts', structured({}, 'Application/CloudEvents+JSON')],
  ])('is the same order in %s', (_, record) => {
    expect(orderIn(record, ORIGIN)).toEqual(orderIn(RECORD, ORIGIN))
    expect([orderIdOf(record), acceptedAtOf(record)]).toEqual([EVENT.orderId, EVENT.acceptedAt])
  })

  it('is read even with names of spaces and an e-mail without an @, which used to be accepted', () => {
    const order = { ...EVENT.data, customerName: ' ', customerEmail: 'none', shippingAddress: ' ' }
    expect(newOrderOf(orderIn(changed({ value: Buffer.from(JSON.stringify(order)) }), ORIGIN).json)).toEqual(order)
  })

  it('has the reference and the metadata of its order, and neither where it is older than they are', () => {
    const given = { reference: 'WEB-1', metadata: { channel: 'web' } }
    const record = delivered(messageOf({ ...EVENT, data: { ...EVENT.data, ...given } }), { offset: 0 })
    expect(record.headers.find(([name]) => name === 'ce_type')?.[1]?.toString()).toBe('NewOrder.v1')
    expect(newOrderOf(orderIn(record, ORIGIN).json)).toEqual({ ...EVENT.data, ...given })
    expect(newOrderOf(orderIn(RECORD, ORIGIN).json)).toEqual(EVENT.data)
  })

  it('of another producer, with other content in these members, is read without them', () => {
    for (const strange of [{ reference: 7 }, { reference: null, metadata: { a: { b: 1 } } }, { metadata: 'x' }]) {
      const value = Buffer.from(JSON.stringify({ ...EVENT.data, ...strange }))
      expect(orderIn(changed({ value }), ORIGIN)).toEqual(orderIn(RECORD, ORIGIN))
    }
  })

  it('has the same body hash for any spacing and order of its JSON', () => {
    const spaced = JSON.stringify(Object.fromEntries(Object.entries(EVENT.data).toReversed()), null, 2)
    expect(orderIn(changed({ value: Buffer.from(spaced) }), ORIGIN).bodyHash).toBe(orderIn(RECORD, ORIGIN).bodyHash)
  })

  it.each([
    ['no value', changed({ value: null }), 'undecodable-record'],
    ['bytes that are not UTF-8', changed({ value: Buffer.from([0x7b, 0xff]) }), 'undecodable-record'],
    ['text that is not JSON', changed({ value: Buffer.from('{') }), 'undecodable-record'],
    ['JSON that is no order', changed({ value: Buffer.from('{"customerId":0}') }), 'invalid-order'],
    ['an event type that nobody knows', changed({ header: ['ce_type', 'NewOrder.v99'] }), 'unknown-event'],
    ['no event type', changed({ header: ['ce_type', null] }), 'unknown-event'],
    ['a type that every object has', changed({ header: ['ce_type', 'constructor'] }), 'unknown-event'],
    ['a type that is no function', changed({ header: ['ce_type', '__proto__'] }), 'unknown-event'],
    ['no order id', changed({ header: ['ce_id', 'nobody'] }), 'undecodable-record'],
  ])('is poison with %s', (_, record, code) => {
    expect(() => orderIn(record, ORIGIN)).toThrow(expect.objectContaining({ code, retriable: false }))
  })

  it.each([
    ['no event type', changed({ header: ['ce_type', null] })],
    ['neither id nor key', changed({ header: ['ce_id', null], key: null })],
    [
      'structured mode by its header alone',
      { ...RECORD, headers: [['content-type', Buffer.from(STRUCTURED)] as const] },
    ],
    ['the type of another event', changed({ header: ['ce_type', 'OrderPaid.v1'] })],
  ])('that dies with %s says what was expected', (_, record) => {
    expect(() => orderIn(record, ORIGIN)).toThrow(/Expected: .*NewOrder\.v1/)
  })

  it('quotes only a readable length of an unknown type', () => {
    const record = changed({ header: ['ce_type', 'x'.repeat(100_000)] })
    expect(() => orderIn(record, ORIGIN)).toThrow(/^.{100,300}$/)
  })

  it('is identified even when its value cannot be read, by ce_id or else by its key', () => {
    expect(orderIdOf(changed({ value: null }))).toBe(EVENT.orderId)
    expect(orderIdOf(changed({ header: ['ce_id', null] }))).toBe(EVENT.orderId)
    expect(orderIdOf(changed({ header: ['ce_id', null], key: null }))).toBeUndefined()
  })
})
