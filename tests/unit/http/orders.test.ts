import { describe, expect, it } from 'vitest'
import { unseenOrder } from '../../../shared/http/orders.ts'
import { testOrderIds } from '../../support/orders/orders.ts'

const AT = '2026-01-01T00:00:00.000Z'

describe('an order that the store has not seen yet', () => {
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
