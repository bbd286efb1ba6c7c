import { describe, expect, it } from 'vitest'
import { withWaiting } from '../../../shared/http/dead-letters.ts'
import type { ForeignFailure } from '../../../shared/ports/dead-letters.ts'

const FOREIGN: ForeignFailure = { dialect: 'spring', origin: null, exception: null }
const letter = { state: 'dead', orderId: 'a', foreign: null } as const

function views(counts: Record<string, number>) {
  const asked: (readonly string[])[] = []
  return {
    asked,
    async countWaiting(orderIds: readonly string[]) {
      asked.push(orderIds)
      return new Map(Object.entries(counts))
    },
  }
}

describe('letters on a page', () => {
  it('have the number of waiting changes, if any, from one query that names each order once', async () => {
    const store = views({ a: 2 })
    const letters = [letter, { ...letter, state: 'redriven' as const }, { ...letter, orderId: 'b' }]
    expect(await withWaiting(letters, store)).toEqual([
      { ...letters[0], waitingChanges: 2 },
      { ...letters[1], waitingChanges: 2 },
      letters[2],
    ])
    expect(store.asked).toEqual([['a', 'b']])
  })

  it.each([
    { ...letter, state: 'resolved' as const },
    { ...letter, state: 'superseded' as const },
    { ...letter, state: 'discarded' as const },
    { ...letter, foreign: FOREIGN },
    { ...letter, orderId: null },
  ])('have no number if they are settled, of another consumer or of no order: %j', async (settled) => {
    const store = views({ a: 2 })
    expect(await withWaiting([settled], store)).toEqual([settled])
    expect(store.asked).toEqual([])
  })
})
