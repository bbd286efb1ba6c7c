import { array, assert, integer, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fairShares } from '../../../../shared/adapters/embedded/fair-shares.ts'
import { jitteredMs } from '../../../../shared/threads/waiting.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

describe('A batch', () => {
  it('shares its room evenly among busy partitions', () => {
    expect(fairShares([1000, 1000, 1000], 9, 0)).toEqual([3, 3, 3])
  })

  it('gives the room that a quiet partition does not use to the busy ones', () => {
    expect(fairShares([1, 1000, 0, 1000], 21, 0)).toEqual([1, 10, 0, 10])
  })

  it('begins with a different partition each time', () => {
    expect([0, 1, 2].map((start) => fairShares([5, 5, 5], 1, start))).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ])
  })

  it('is as full as possible, takes no more than there is, and leaves out no partition that fits', () => {
    const waiting = array(nat(500), { minLength: 1, maxLength: 12 })
    assert(
      property(waiting, integer({ min: 1, max: 600 }), nat(11), (waiting, limit, start) => {
        const shares = fairShares(waiting, limit, start)
        expect(sum(shares)).toBe(Math.min(limit, sum(waiting)))
        expect(shares.every((share, index) => share <= (waiting[index] ?? 0))).toBe(true)
        const busy = waiting.filter((count) => count > 0).length
        expect(shares.filter((share) => share > 0)).toHaveLength(Math.min(busy, limit))
      }),
    )
  })
})

describe('The pause before a batch is delivered again', () => {
  it('doubles from 100 ms to 5 s, and up to half of it is random', () => {
    expect([1, 2, 3, 6, 7, 1000].map((failures) => jitteredMs(failures, 100, 5000, 1))).toEqual([
      100, 200, 400, 3200, 5000, 5000,
    ])
    expect(jitteredMs(1, 100, 5000, 0)).toBe(50)
  })
})
