import { describe, expect, it } from 'vitest'
import { toHistory, type HistoryEntry } from '../../../shared/domain/order-view.ts'

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const entry = (second: number, kind: HistoryEntry['kind']): HistoryEntry => ({ at: at(second), kind })

describe('the history of an order', () => {
  it('has what happened to changes at its time, and the order’s own entries first at equal times', () => {
    const own = [entry(2, 'attempt-failed')]
    const ofChanges = [entry(1, 'change-waits'), entry(2, 'change-waits'), entry(9, 'amended')]
    const history = toHistory({ acceptedAt: at(0), storedAt: at(5) }, own, ofChanges)
    expect(history.map(({ kind }) => kind)).toEqual([
      'accepted',
      'change-waits',
      'attempt-failed',
      'change-waits',
      'stored',
      'amended',
    ])
  })

  it('has a change after the storing of its order, even if a redrive was reported only after both', () => {
    const history = toHistory({ acceptedAt: at(0), storedAt: at(3) }, [entry(5, 'redriven')], [entry(4, 'amended')])
    expect(history.map(({ kind }) => kind)).toEqual(['accepted', 'stored', 'amended', 'redriven'])
  })

  it('begins with the acceptance, even if the clock that gave its time is ahead', () => {
    const history = toHistory({ acceptedAt: at(7), storedAt: at(3) }, [], [entry(4, 'amended')])
    expect(history.map(({ kind }) => kind)).toEqual(['accepted', 'stored', 'amended'])
  })
})
