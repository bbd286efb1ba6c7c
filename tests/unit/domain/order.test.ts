import { describe, expect, it } from 'vitest'
import { evolve, initialState } from '../../../shared/domain/order.ts'
import type { HistoryEntry } from '../../../shared/domain/order-view.ts'

const CAUSE = { code: 'store-busy', detail: 'The store was busy.' }
const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`

const ACCEPTED: HistoryEntry = { at: at(0), kind: 'accepted' }
const FAILED: HistoryEntry = { at: at(1), kind: 'attempt-failed', attempt: 1, nextAttemptAt: at(2), cause: CAUSE }
const STORED: HistoryEntry = { at: at(3), kind: 'stored' }
const DEAD: HistoryEntry = { at: at(4), kind: 'dead-lettered', cause: CAUSE }

/** Given past events, then the order's status. */
const given = (...history: HistoryEntry[]) => history.reduce(evolve, initialState('id'))

describe('an order', () => {
  it('is accepted before anything else is known', () => {
    expect(given()).toEqual({ orderId: 'id', status: 'accepted' })
  })

  it('has, while it is retried, its failed attempt, the cause and the next due time', () => {
    expect(given(ACCEPTED, FAILED)).toMatchObject({
      status: 'retrying',
      attempt: 1,
      nextAttemptAt: at(2),
      cause: CAUSE,
    })
  })

  it('forgets its failures once it is stored', () => {
    const state = given(ACCEPTED, FAILED, STORED)
    expect(state).toEqual({ orderId: 'id', status: 'stored', acceptedAt: at(0), storedAt: at(3), updatedAt: at(3) })
  })

  it('stays stored whatever happens to another copy of its record', () => {
    const stored = given(ACCEPTED, STORED)
    const late: HistoryEntry[] = [FAILED, DEAD, { at: at(5), kind: 'discarded', reason: 'late' }]
    for (const entry of late) expect(evolve(stored, entry)).toEqual(stored)
  })

  it('is recovered when it is stored after it was dead-lettered', () => {
    const redriven: HistoryEntry = { at: at(5), kind: 'redriven' }
    expect(given(ACCEPTED, DEAD, redriven, { at: at(6), kind: 'stored' })).toMatchObject({
      status: 'stored',
      recovered: true,
    })
  })

  it('keeps its cause when it is discarded, and is dead-lettered again when that is undone', () => {
    const discarded: HistoryEntry = { at: at(5), kind: 'discarded', reason: 'a test' }
    expect(given(ACCEPTED, DEAD, discarded)).toMatchObject({ status: 'discarded', cause: CAUSE })
    expect(given(ACCEPTED, DEAD, discarded, { at: at(6), kind: 'restored' })).toMatchObject({
      status: 'dead-lettered',
      cause: CAUSE,
    })
  })
})
