import { describe, expect, it } from 'vitest'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { decide, evolve, initialState, type Order, type OrderEvent } from '../../../shared/domain/order.ts'
import { orderCommand } from '../../support/orders/orders.ts'

const AT = '2026-01-01T00:05:00.000Z'
const PLACED: OrderEvent = { kind: 'placed', content: orderCommand() }
const CANCELLED: OrderEvent = { kind: 'cancelled', at: AT, reason: 'found it cheaper' }
const amended = (totalPrice: number): OrderEvent => ({ kind: 'amended', amendment: { totalPrice } })

/** The order that results from these events. */
function given(...events: OrderEvent[]): Order {
  const order = events.reduce<Order | undefined>(evolve, undefined)
  if (order === undefined) throw new TypeError('An order needs an event.')
  return order
}

const AMEND: OrderChange = { kind: 'amend', amendment: { customerName: 'Sam' } }
const CANCEL: OrderChange = { kind: 'cancel', reason: 'found it cheaper' }

describe('an issued order', () => {
  it('is accepted before anything else is known', () => {
    expect(initialState('id')).toEqual({ orderId: 'id', status: 'accepted' })
  })
})

describe('an order as its events made it', () => {
  it('has version 1 and its content when it was placed', () => {
    expect(given(PLACED)).toEqual({ version: 1, content: orderCommand() })
  })

  it('has what its amendments replaced, the last one counting, and everything else as it was', () => {
    const order = given(PLACED, amended(7), { kind: 'amended', amendment: { customerName: 'Sam' } }, amended(8))
    expect(order).toEqual({ version: 4, content: orderCommand({ customerName: 'Sam', totalPrice: 8 }) })
  })

  it('has its items replaced as a whole', () => {
    const [item] = orderCommand().orderItems
    const orderItems = [{ ...item!, itemCode: 'B-2' }]
    expect(given(PLACED, { kind: 'amended', amendment: { orderItems } }).content.orderItems).toEqual(orderItems)
  })

  it('keeps its content when it is cancelled', () => {
    expect(given(PLACED, amended(7), CANCELLED)).toEqual({
      version: 3,
      content: orderCommand({ totalPrice: 7 }),
      cancellation: { at: AT, reason: 'found it cheaper' },
    })
    expect(given(PLACED, { kind: 'cancelled', at: AT }).cancellation).toEqual({ at: AT })
  })

  it('must be placed before anything else happens to it', () => {
    expect(() => evolve(undefined, amended(7))).toThrow(/must be placed before/)
  })

  it('is left as it was by what comes after it', () => {
    const before = given(PLACED)
    evolve(before, amended(7))
    expect(before).toEqual({ version: 1, content: orderCommand() })
  })
})

describe('a change', () => {
  it('of a placed order is its event, from when it was accepted', () => {
    expect(decide(given(PLACED), AMEND, AT)).toEqual({ kind: 'amended', amendment: { customerName: 'Sam' } })
    expect(decide(given(PLACED), CANCEL, AT)).toEqual(CANCELLED)
    expect(decide(given(PLACED), { kind: 'cancel' }, AT)).toEqual({ kind: 'cancelled', at: AT })
  })

  it.each([AMEND, CANCEL])('of a cancelled order is refused: %j', (change) => {
    expect(decide(given(PLACED, CANCELLED), change, AT)).toMatchObject({ kind: 'refused', code: 'order-cancelled' })
  })

  it.each([1, 3])('made for version %i is refused by version 2, and both are named', (expectedVersion) => {
    const refused = decide(given(PLACED, amended(7)), { ...AMEND, expectedVersion }, AT)
    expect(refused).toEqual({
      kind: 'refused',
      code: 'version-conflict',
      detail: `The change was made against version ${expectedVersion} of the order, which is now at version 2.`,
    })
  })

  it('made for the version that the order has is accepted', () => {
    const change = { ...AMEND, expectedVersion: 2 }
    expect(decide(given(PLACED, amended(7)), change, AT)).toMatchObject({ kind: 'amended' })
  })
})
