import { describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../../../shared/domain/order-view.ts'
import { pendingHeaders, unseenOrder, withBeginning } from '../../../shared/http/orders.ts'
import { testOrderIds } from '../../support/orders/orders.ts'

const AT = '2026-01-01T00:00:00.000Z'

describe('an order that the store has not seen yet', () => {
  it('is lost, with the cause, if its record is known to have left the log', () => {
    const orderId = testOrderIds.next(Date.parse(AT))
    const cause = { code: 'record-lost', detail: 'It left the log.' }
    expect(unseenOrder(orderId, testOrderIds, () => ({ isLost: true, cause }))).toMatchObject({ status: 'lost', cause })
    const maybe = unseenOrder(orderId, testOrderIds, () => ({ isLost: false, cause }))
    expect(maybe).toMatchObject({ status: 'accepted', cause })
    expect(pendingHeaders(maybe)).toEqual({ 'retry-after': '1' })
    expect(pendingHeaders({ ...maybe, status: 'lost' })).toEqual({})
  })

  it('is accepted, with its time, for every id that was issued', () => {
    const orderId = testOrderIds.next(Date.parse(AT))
    expect(unseenOrder(orderId, testOrderIds)).toMatchObject({ orderId, status: 'accepted', acceptedAt: AT })
    const derived = testOrderIds.derive('a key', 'a body')
    expect(unseenOrder(derived, testOrderIds)).toMatchObject({ orderId: derived, status: 'accepted' })
  })

  it('is not found under an id that was never issued', () => {
    const stranger = '019f0000-0000-7000-8000-000000000000'
    expect(() => unseenOrder(stranger, testOrderIds)).toThrow(expect.objectContaining({ code: 'order-not-found' }))
  })
})

describe('the history of an order', () => {
  const orderId = testOrderIds.next(Date.parse(AT))
  const stranger = '019f0000-0000-7000-8000-000000000000'
  const accepted: HistoryEntry = { at: AT, kind: 'accepted' }
  const waits: HistoryEntry = { at: '2026-01-01T00:00:09.000Z', kind: 'change-waits', changeId: 'c1' }

  it.each<[string, readonly HistoryEntry[]]>([
    ['nothing', []],
    ['changes of it alone', [waits]],
  ])('begins with its acceptance while the store has %s', (_, known) => {
    expect(withBeginning(orderId, known, testOrderIds)).toEqual([accepted, ...known])
  })

  it('is as the store has it once the order reached the store', () => {
    const stored: HistoryEntry = { at: AT, kind: 'stored' }
    expect(withBeginning(orderId, [waits, stored], testOrderIds)).toEqual([waits, stored])
  })

  it('of another producer has the changes alone, or is not found', () => {
    expect(withBeginning(stranger, [waits], testOrderIds)).toEqual([waits])
    expect(() => withBeginning(stranger, [], testOrderIds)).toThrow(
      expect.objectContaining({ code: 'order-not-found' }),
    )
  })
})
