import { describe, expect, it } from 'vitest'
import { createOrders } from '../../../loadtest/orders.ts'
import { newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'

const make = (seed: number, count: number) => {
  const orders = createOrders(seed)
  return Array.from({ length: count }, () => orders.next())
}

describe('generated orders', () => {
  it('are all valid and all different', () => {
    const bodies = make(1, 500)
    expect(bodies.filter((body) => !newOrderCommandSchema.safeParse(JSON.parse(body)).success)).toEqual([])
    expect(new Set(bodies).size).toBe(500)
  })

  it('are the same for the same seed, and differ for another', () => {
    expect(make(7, 20)).toEqual(make(7, 20))
    expect(make(7, 20)).not.toEqual(make(8, 20))
  })

  it('differ in size as real orders do, and cost the sum of their items', () => {
    const orders = make(1, 500).map((body) => newOrderCommandSchema.parse(JSON.parse(body)))
    expect(Math.max(...orders.map(({ orderItems }) => orderItems.length))).toBeGreaterThan(3)
    const wrong = orders.filter(({ orderItems, totalPrice }) => {
      return Math.abs(orderItems.reduce((sum, { price, quantity }) => sum + price * quantity, 0) - totalPrice) > 0.005
    })
    expect(wrong).toEqual([])
  })
})
