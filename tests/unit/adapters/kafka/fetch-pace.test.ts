import { describe, expect, it } from 'vitest'
import { createFetchPace } from '../../../../shared/adapters/kafka/fetch/fetch-pace.ts'

const FULL = 500

function paceAt(nowMs: number) {
  const clock = { nowMs }
  return { clock, pace: createFetchPace(FULL, () => clock.nowMs) }
}

describe('the pace of fetches', () => {
  it.each([
    ['lets the next fetch start at once after a record alone', 1, 0],
    ['lets the next fetch start at once after few records', 7, 0],
    ['spaces fetches by 20 ms when records keep arriving', 8, 20],
    ['spaces fetches by 20 ms as long as batches are not full', FULL - 1, 20],
    ['lets the next fetch start at once after a full batch, because more records are waiting', FULL, 0],
  ])('%s', (_, records, waitMs) => {
    const { pace } = paceAt(1000)
    expect(pace.waitMs()).toBe(0)
    pace.found(records, 1000)
    expect(pace.waitMs()).toBe(waitMs)
  })

  it('counts from the start of the fetch, so a slow delivery waits for nothing more', () => {
    const { pace, clock } = paceAt(1000)
    pace.found(100, 1000)
    clock.nowMs = 1015
    expect(pace.waitMs()).toBe(5)
    clock.nowMs = 1030
    expect(pace.waitMs()).toBe(0)
  })
})
