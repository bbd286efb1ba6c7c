import { describe, expect, it } from 'vitest'
import { decideApart } from '../../../../shared/adapters/stores/decide-apart.ts'
import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { UndecidedChange } from '../../../../shared/domain/changes/turns.ts'
import { evolve } from '../../../../shared/domain/order.ts'
import { orderCommand } from '../../../support/orders/orders.ts'

const ORDER = evolve(undefined, { kind: 'placed', content: orderCommand() })
const error = new TypeError('a fault of ours')

function undecided(changeId: string, change: OrderChange): UndecidedChange {
  return { changeId, state: 'ready', acceptedAt: '2026-01-01T00:00:00.000Z', change, isOvertaken: false }
}
const named = (changeId: string) => undecided(changeId, { kind: 'amend', amendment: { customerName: changeId } })
const THROWING = {
  get kind(): 'cancel' {
    throw error
  },
}

describe('changes that are decided one by one', () => {
  it('stop at the one whose decision throws, after the earlier ones are decided', () => {
    const search = decideApart(ORDER, [named('A'), undecided('B', THROWING), named('C')], false)
    const asked = search.next()
    expect(asked).toMatchObject({ done: false, value: { before: ORDER, after: { version: 2 } } })
    expect(search.next(true)).toEqual({
      done: true,
      value: {
        order: { ...ORDER, version: 2, content: { ...ORDER.content, customerName: 'A' } },
        verdicts: [{ changeId: 'A', kind: 'applied', version: 2 }],
        failure: { changeId: 'B', error },
      },
    })
  })

  it('stop at the one that the store fails to write, and go on without one that its tables refuse', () => {
    const search = decideApart(ORDER, [named('A'), named('B'), named('C')], false)
    search.next()
    expect(search.next(false)).toMatchObject({ value: { before: ORDER, after: { content: { customerName: 'B' } } } })
    expect(search.throw(error)).toMatchObject({
      done: true,
      value: {
        order: ORDER,
        verdicts: [{ changeId: 'A', kind: 'refused', cause: { code: 'constraint-violated' } }],
        failure: { changeId: 'B', error },
      },
    })
  })
})
