import { describe, expect, it } from 'vitest'
import { CHANGE_KINDS, type OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { changeJson } from '../../../shared/domain/order-events.ts'
import {
  acceptedAtOf,
  changeOf,
  isChange,
  orderIdOf,
  readEvent,
  toChangeMessage,
} from '../../../shared/messaging/records/envelope.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import { changeEvent, changeMessageOf, delivered, messageOf, newOrder } from '../../support/orders/orders.ts'

const ORIGIN = { topic: 'orders', partition: 0, offset: 7 }
const ORDER = newOrder()
const AMEND: OrderChange = { kind: 'amend', amendment: { totalPrice: 7, customerName: 'Sam' }, expectedVersion: 2 }
const CANCEL: OrderChange = { kind: 'cancel', reason: 'found it cheaper' }
const EVENTS = {
  amend: changeEvent(ORDER.orderId, { change: AMEND, idempotencyKeyHash: 'ab'.repeat(32) }),
  cancel: changeEvent(ORDER.orderId, { change: CANCEL }),
}
const recordOf = (message: RecordToPublish) => delivered(message, { offset: 7 })

function changed(changes: { header?: [string, string | null]; value?: Uint8Array | null; key?: null }) {
  const record = recordOf(changeMessageOf(EVENTS.amend))
  const { header, ...others } = changes
  const headers = record.headers.filter(([name]) => name !== header?.[0])
  const added = header?.[1]
  return {
    ...record,
    ...others,
    headers: typeof added === 'string' ? [...headers, [header![0], Buffer.from(added)] as const] : headers,
  }
}

describe('a change on the wire', () => {
  it('is a CloudEvent with an id of its own, whose subject and key are the order', () => {
    const { key, headers, value } = toChangeMessage(EVENTS.amend, changeJson(AMEND), undefined)
    expect(key).toBe(ORDER.orderId)
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: EVENTS.amend.changeId,
      ce_type: 'OrderAmended.v1',
      ce_source: '/orders',
      ce_time: EVENTS.amend.acceptedAt,
      ce_subject: ORDER.orderId,
      ce_idempotencykeyhash: 'ab'.repeat(32),
    })
    expect(JSON.parse(String(value))).toEqual({ changes: { totalPrice: 7, customerName: 'Sam' }, expectedVersion: 2 })
  })

  it.each(CHANGE_KINDS)('comes back as what went in: %s', (kind) => {
    const { changeId, orderId, acceptedAt, change, idempotencyKeyHash } = EVENTS[kind]
    const read = readEvent(recordOf(changeMessageOf(EVENTS[kind])), ORIGIN)
    expect(isChange(read)).toBe(true)
    expect(read).toMatchObject({ origin: ORIGIN, changeId, orderId, acceptedAt, change, idempotencyKeyHash })
  })

  it('is the same change in structured mode', () => {
    const value = Buffer.from(
      JSON.stringify({
        specversion: '1.0',
        id: EVENTS.cancel.changeId,
        type: 'OrderCancelled.v1',
        source: '/shop',
        subject: ORDER.orderId,
        time: EVENTS.cancel.acceptedAt,
        data: { reason: 'found it cheaper' },
      }),
    )
    const headers = [['content-type', Buffer.from('application/cloudevents+json')] as const]
    const record = { ...recordOf(changeMessageOf(EVENTS.cancel)), key: null, value, headers }
    expect(readEvent(record, ORIGIN)).toEqual(readEvent(recordOf(changeMessageOf(EVENTS.cancel)), ORIGIN))
    expect([orderIdOf(record), changeOf(record), acceptedAtOf(record)]).toEqual([
      ORDER.orderId,
      { changeId: EVENTS.cancel.changeId, kind: 'cancel' },
      EVENTS.cancel.acceptedAt,
    ])
  })

  it('is read without members that are newer than this program', () => {
    const value = Buffer.from(JSON.stringify({ changes: { totalPrice: 7, gift: true }, because: 'of a rebate' }))
    expect(readEvent(changed({ value }), ORIGIN)).toMatchObject({
      change: { kind: 'amend', amendment: { totalPrice: 7 } },
    })
  })

  it('says whose it is even when its value cannot be read, by its subject or else by its key', () => {
    const known = { changeId: EVENTS.amend.changeId, kind: 'amend' }
    for (const record of [changed({ value: null }), changed({ header: ['ce_subject', null] })]) {
      expect([orderIdOf(record), changeOf(record)]).toEqual([ORDER.orderId, known])
    }
  })

  it.each([
    ['no value', changed({ value: null }), 'undecodable-record'],
    ['text that is not JSON', changed({ value: Buffer.from('{') }), 'undecodable-record'],
    ['nothing that it changes', changed({ value: Buffer.from('{"changes":{}}') }), 'invalid-change'],
    ['no changes', changed({ value: Buffer.from('{}') }), 'invalid-change'],
    ['a value of another type', changed({ value: Buffer.from('{"changes":{"totalPrice":"7"}}') }), 'invalid-change'],
    [
      'a version that no order has',
      changed({ value: Buffer.from('{"changes":{"totalPrice":7},"expectedVersion":0}') }),
      'invalid-change',
    ],
    ['a version that nobody knows', changed({ header: ['ce_type', 'OrderAmended.v99'] }), 'unknown-event'],
    ['an id that no change has', changed({ header: ['ce_id', 'nobody'] }), 'undecodable-record'],
    ['neither subject nor key', changed({ header: ['ce_subject', null], key: null }), 'undecodable-record'],
  ])('is poison with %s', (_, record, code) => {
    expect(() => readEvent(record, ORIGIN)).toThrow(expect.objectContaining({ code, retriable: false }))
  })

  it.each([
    ['an id that no change has', changed({ header: ['ce_id', 'nobody'] })],
    ['neither subject nor key', changed({ header: ['ce_subject', null], key: null })],
  ])('belongs to no order with %s, so no order waits for it', (_, record) => {
    expect([orderIdOf(record), changeOf(record)]).toEqual([undefined, undefined])
  })
})

describe('an order on the wire', () => {
  it('is not a change', () => {
    const record = recordOf(messageOf(ORDER))
    expect([changeOf(record), isChange(readEvent(record, ORIGIN))]).toEqual([undefined, false])
  })
})
