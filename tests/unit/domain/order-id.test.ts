import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  changeKeyHash,
  createOrderIds,
  idempotencyKeyHash,
  issuedAt,
  parseOrderId,
} from '../../../shared/domain/order-id.ts'

const NOW = Date.UTC(2026, 5, 1)

describe('order ids', () => {
  it('are version 7 UUIDs in the canonical form that carry their time', () => {
    const id = createOrderIds(['first secret']).next(NOW)
    expect(parseOrderId(id)).toBe(id)
    expect(id[14]).toBe('7')
    expect(issuedAt(id)).toEqual(new Date(NOW))
  })

  it('never repeat and always grow within a process, even in one millisecond and when the clock steps back', () => {
    const ids = createOrderIds(['first secret'])
    const made = Array.from({ length: 20_000 }, (_, index) => ids.next(NOW - (index % 7)))
    expect(new Set(made).size).toBe(made.length)
    expect(made).toEqual(made.toSorted())
  })

  it('are recognised only with the secret', () => {
    const id = createOrderIds(['first secret']).next(NOW)
    expect(createOrderIds(['first secret']).isIssued(id)).toBe(true)
    expect(createOrderIds(['other secret']).isIssued(id)).toBe(false)
  })

  it('are still recognised after the secret was replaced, while the old one is listed', () => {
    const old = createOrderIds(['first secret']).next(NOW)
    const ids = createOrderIds(['second secret', 'first secret'])
    expect(ids.isIssued(old)).toBe(true)
    expect(createOrderIds(['second secret']).isIssued(ids.next(NOW))).toBe(true)
  })

  it.each(['s', 'exactly 64 bytes'.padEnd(64, '.'), 'ä'.repeat(33), 'more than one block'.padEnd(200, '.')])(
    'end with an HMAC of the rest under the secret %j',
    (secret) => {
      const ids = createOrderIds([secret])
      const id = ids.next(NOW)
      expect(id.slice(-8)).toBe(tagOf(secret, id, ''))
      const changeId = ids.nextChange(id, NOW)
      expect(changeId.slice(-8)).toBe(tagOf(secret, changeId, id))
    },
  )

  it.each([0, 7, 13, 15, 20, 30, 35])('are not recognised with the character at %i changed', (at) => {
    const ids = createOrderIds(['first secret'])
    const id = ids.next(NOW)
    const other = id[at] === '0' ? '1' : '0'
    expect(ids.isIssued(id.slice(0, at) + other + id.slice(at + 1))).toBe(false)
  })

  it('derived from an Idempotency-Key and an order are version 8, the same each time, and different for any other', () => {
    const ids = createOrderIds(['first secret'])
    const id = ids.derive('key', '{"a":1}')
    expect(parseOrderId(id)).toBe(id)
    expect(id[14]).toBe('8')
    expect(ids.isIssued(id)).toBe(true)
    expect(ids.derive('key', '{"a":1}')).toBe(id)
    const others = [ids.derive('key', '{"a":2}'), ids.derive('kez', '{"a":1}'), ids.derive('key{', '"a":1}')]
    expect(new Set([id, ...others]).size).toBe(4)
    expect(issuedAt(id)).toBeUndefined()
  })

  it('derived with any secret tell what they were derived from', () => {
    const id = createOrderIds(['old secret']).derive('key', '{"a":1}')
    const ids = createOrderIds(['new secret', 'old secret'])
    for (const derived of [id, ids.derive('key', '{"a":1}')]) {
      expect(ids.isDerivedFrom(derived, 'key', '{"a":1}')).toBe(true)
      expect(ids.isDerivedFrom(derived, 'key', '{"a":2}')).toBe(false)
      expect(ids.isDerivedFrom(derived, 'kez', '{"a":1}')).toBe(false)
    }
    const unknown = [ids.next(NOW), createOrderIds(['another secret']).derive('key', '{"a":1}'), 'x']
    expect(unknown.map((other) => ids.isDerivedFrom(other, 'key', '{"a":1}'))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('are read in any case', () => {
    const id = createOrderIds(['first secret']).next(NOW)
    expect(parseOrderId(id.toUpperCase())).toBe(id)
  })

  it.each(['', 'x', '00000000-0000-0000-0000-000000000000', '018f0000-0000-4000-8000-000000000000', 'a'.repeat(36)])(
    'are not %j',
    (text) => {
      expect(parseOrderId(text)).toBeUndefined()
    },
  )
})

describe('ids of changes', () => {
  const ids = createOrderIds(['first secret'])
  const orderId = ids.next(NOW)

  it('are recognised together with their order, and with no other', () => {
    const changeId = ids.nextChange(orderId, NOW)
    expect(parseOrderId(changeId)).toBe(changeId)
    expect(issuedAt(changeId)?.getTime()).toBeGreaterThanOrEqual(NOW)
    expect(ids.isIssuedChange(orderId, changeId)).toBe(true)
    expect(ids.isIssuedChange(ids.next(NOW), changeId)).toBe(false)
    expect(ids.isIssuedChange(`${orderId}0`, changeId)).toBe(false)
    expect(createOrderIds(['other secret']).isIssuedChange(orderId, changeId)).toBe(false)
  })

  it('are not ids of orders, nor the other way round', () => {
    expect(ids.isIssued(ids.nextChange(orderId, NOW))).toBe(false)
    expect(ids.isIssuedChange(orderId, orderId)).toBe(false)
  })

  it('derived from an Idempotency-Key are the same each time, and different for any other order, key or change', () => {
    const changeId = ids.deriveChange(orderId, 'key', '{"a":1}')
    expect(ids.isIssuedChange(orderId, changeId)).toBe(true)
    expect(ids.deriveChange(orderId, 'key', '{"a":1}')).toBe(changeId)
    const others = [
      ids.deriveChange(ids.next(NOW), 'key', '{"a":1}'),
      ids.deriveChange(orderId, 'kez', '{"a":1}'),
      ids.deriveChange(orderId, 'key', '{"a":2}'),
      ids.derive('key', '{"a":1}'),
    ]
    expect(new Set([changeId, ...others]).size).toBe(5)
    expect(ids.isChangeDerivedFrom(orderId, changeId, 'key', '{"a":1}')).toBe(true)
    expect(ids.isChangeDerivedFrom(orderId, changeId, 'key', '{"a":2}')).toBe(false)
    expect(ids.isChangeDerivedFrom(ids.next(NOW), changeId, 'key', '{"a":1}')).toBeUndefined()
  })

  it('have keys of their own in each order', () => {
    expect(changeKeyHash(orderId, 'key')).not.toBe(changeKeyHash(ids.next(NOW), 'key'))
    expect(changeKeyHash(orderId, 'key')).not.toBe(idempotencyKeyHash('key'))
  })
})

function tagOf(secret: string, id: string, orderId: string): string {
  const tagged = Buffer.from(id.replaceAll('-', '').slice(0, 24), 'hex')
  return createHmac('sha256', secret).update(tagged).update(orderId).digest('hex').slice(0, 8)
}
