import { describe, expect, it } from 'vitest'
import type { Order } from '../../../shared/domain/order.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { takeTurns, type UndecidedChange } from '../../../shared/domain/changes/turns.ts'
import { orderCommand } from '../../support/orders/orders.ts'

const AT = '2026-01-01T00:05:00.000Z'
const PLACED: Order = { version: 1, content: orderCommand() }

const amend = (totalPrice: number): OrderChange => ({ kind: 'amend', amendment: { totalPrice } })
function waiting(changeId: string, change: OrderChange | null, more: Partial<UndecidedChange> = {}): UndecidedChange {
  return { changeId, state: 'ready', acceptedAt: AT, change, isOvertaken: false, ...more }
}
const verdictsOf = (...given: Parameters<typeof takeTurns>) =>
  takeTurns(...given).verdicts.map((verdict) => [
    verdict.changeId,
    verdict.kind === 'applied' ? verdict.version : verdict.cause.code,
  ])

describe('the changes of an order', () => {
  it('take effect one after the other', () => {
    const { order, verdicts } = takeTurns(PLACED, [waiting('a', amend(7)), waiting('b', amend(8))])
    expect(verdicts).toEqual([
      { changeId: 'a', kind: 'applied', version: 2 },
      { changeId: 'b', kind: 'applied', version: 3 },
    ])
    expect(order).toEqual({ version: 3, content: orderCommand({ totalPrice: 8 }) })
  })

  it('wait while it is not stored', () => {
    expect(takeTurns(undefined, [waiting('a', amend(7))])).toEqual({ order: undefined, verdicts: [] })
  })

  it('wait behind one that is held, whether it can be read or not', () => {
    const behind = waiting('c', amend(9))
    for (const held of [waiting('b', null, { state: 'held' }), waiting('b', amend(8), { state: 'held' })]) {
      const { order, verdicts } = takeTurns(PLACED, [waiting('a', amend(7)), held, behind])
      expect(verdicts).toEqual([{ changeId: 'a', kind: 'applied', version: 2 }])
      expect(order?.content.totalPrice).toBe(7)
    }
  })

  it('are refused after a cancellation, which the order keeps', () => {
    const { order, verdicts } = takeTurns(PLACED, [waiting('a', { kind: 'cancel' }), waiting('b', amend(7))])
    expect(verdicts).toMatchObject([
      { changeId: 'a', kind: 'applied', version: 2 },
      { changeId: 'b', kind: 'refused', cause: { code: 'order-cancelled' } },
    ])
    expect(order).toMatchObject({ version: 2, cancellation: { at: AT }, content: { totalPrice: 42.5 } })
  })

  it('that are refused hold nothing up and make no version', () => {
    const conflicting = waiting('b', { ...amend(8), expectedVersion: 1 })
    expect(verdictsOf(PLACED, [waiting('a', amend(7)), conflicting, waiting('c', amend(9))])).toEqual([
      ['a', 2],
      ['b', 'version-conflict'],
      ['c', 3],
    ])
  })

  it('that came back after a later one was applied are refused', () => {
    const late = waiting('a', amend(7), { isOvertaken: true })
    expect(verdictsOf({ ...PLACED, version: 2 }, [late])).toEqual([['a', 'overtaken']])
  })

  it('are refused once the order was discarded, unless it is stored', () => {
    expect(verdictsOf(undefined, [waiting('a', amend(7)), waiting('b', amend(8))], true)).toEqual([
      ['a', 'order-discarded'],
      ['b', 'order-discarded'],
    ])
    expect(verdictsOf(PLACED, [waiting('a', amend(7))], true)).toEqual([['a', 2]])
  })

  it('take the same turns however often they stop in between', () => {
    const changes = [waiting('a', amend(7)), waiting('b', { kind: 'cancel' }), waiting('c', amend(9))]
    const atOnce = takeTurns(PLACED, changes)
    let order: Order | undefined = PLACED
    const verdicts = changes.flatMap((change) => {
      const turn = takeTurns(order, [change])
      order = turn.order
      return turn.verdicts
    })
    expect({ order, verdicts }).toEqual(atOnce)
  })
})
