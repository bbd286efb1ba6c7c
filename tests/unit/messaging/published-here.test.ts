import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newOrderCommand } from '../../../shared/domain/order-commands.ts'
import { newOrderJson } from '../../../shared/domain/order-events.ts'
import { readEvent } from '../../../shared/messaging/records/envelope.ts'
import { createPublishedHere, type PublishedHere } from '../../../shared/messaging/records/published-here.ts'
import { delivered, messageOf, newOrder, ORIGINAL_BODY } from '../../support/orders/orders.ts'

const ORIGIN = { topic: 'orders', partition: 0, offset: 7 }
const ID = newOrder().orderId

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const amount = fc.oneof(fc.constantFrom(0, -0, 1e-7, 1e16, 42.5), fc.double({ min: 0, noNaN: true }), fc.nat())
const currency = fc.constantFrom(1, 2, 'EUR', 'USD')
const item = fc
  .record({ price: amount, currencyType: currency, brand: text })
  .map((changes) => ({ ...ORIGINAL_BODY.orderItems[0], ...changes }))
const body = fc
  .record(
    {
      customerName: text,
      totalPrice: amount,
      currencyType: currency,
      reference: text,
      metadata: fc.dictionary(fc.constantFrom('b', 'a', '10', '9', '__proto__'), text),
      note: fc.jsonValue(),
      orderItems: fc.array(item, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  .map((changes) => ({ ...ORIGINAL_BODY, ...changes }))

/** The record that has this JSON as its value. */
function recordWith(json: string) {
  return { ...delivered(messageOf(newOrder({ orderId: ID })), { offset: 7 }), value: Buffer.from(json) }
}

describe('an order that this process published', () => {
  it('is read as if it had been validated again', () => {
    let compared = 0
    const compare = (order: unknown) => {
      const { success, data } = newOrderCommand.safeParse(order)
      if (!success) return
      const json = newOrderJson(data)
      const published = createPublishedHere()
      published.add(ID, json)
      expect(readEvent(recordWith(json), ORIGIN, published)).toStrictEqual(readEvent(recordWith(json), ORIGIN))
      expect(published.take(ID, json)).toBe(false)
      compared += 1
    }
    compare(ORIGINAL_BODY)
    fc.assert(fc.property(body, compare), { numRuns: 1000 })
    expect(compared).toBeGreaterThan(100)
  })

  it('is validated only if its record has other content, or is read a second time', () => {
    const json = '{"unlike":"an order"}'
    const published = createPublishedHere()
    const read = (value: string) => readEvent(recordWith(value), ORIGIN, published)
    published.add(ID, json)
    expect(read(json)).toMatchObject({ orderId: ID, json })
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'invalid-order' }))
    published.add(ID, json)
    expect(() => read(`${json} `)).toThrow(expect.objectContaining({ code: 'invalid-order' }))
  })

  it('is validated if its record is empty, like any other', () => {
    const read = (published?: PublishedHere) => readEvent(recordWith(''), ORIGIN, published)
    expect(() => read()).toThrow(expect.objectContaining({ code: 'undecodable-record' }))
    expect(() => read(createPublishedHere())).toThrow(expect.objectContaining({ code: 'undecodable-record' }))
  })

  it('is forgotten if too many others have not been read, but the latest are remembered', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `000${index.toString(16)}`)
    const published = createPublishedHere(500)
    for (const id of ids) published.add(id, '12345')
    const known = ids.map((id) => published.take(id, '12345'))
    expect(known.filter(Boolean)).toHaveLength(100)
    expect(known.at(-1)).toBe(true)
    published.add('d', 'x'.repeat(501))
    expect(published.take('d', 'x'.repeat(501))).toBe(false)
    published.add('e', 'x'.repeat(500))
    expect(published.take('e', 'x'.repeat(500))).toBe(true)
  })

  it('is replaced by a later order whose id ends in the same digits', () => {
    const published = createPublishedHere()
    published.add('one-00ff', 'earlier')
    published.add('other-00ff', 'later')
    expect(published.take('one-00ff', 'earlier')).toBe(false)
    expect(published.take('other-00ff', 'later')).toBe(true)
  })
})
