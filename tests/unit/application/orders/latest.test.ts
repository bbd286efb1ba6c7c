import { expect, test } from 'vitest'
import { createLatest } from '../../../../shared/application/orders/latest.ts'

test('at least as many of the latest entries are remembered as promised, and fewer than twice as many', () => {
  const latest = createLatest<number>(5)
  for (let newest = 0; newest < 23; newest += 1) {
    latest.set(`key ${newest}`, newest)
    const known = Array.from({ length: newest + 1 }, (_, index) => latest.get(`key ${index}`))
    const first = known.findIndex((value) => value !== undefined)
    expect(known.slice(first)).toEqual(Array.from({ length: newest + 1 - first }, (_, index) => first + index))
    expect(newest + 1 - first).toBeGreaterThanOrEqual(Math.min(5, newest + 1))
    expect(newest + 1 - first).toBeLessThan(10)
  }
})

test('a key that is set again counts as new, with its new value', () => {
  const latest = createLatest<string>(2)
  for (const [key, value] of [
    ['a', 'old'],
    ['b', ''],
    ['a', 'new'],
    ['c', ''],
  ] as const) {
    latest.set(key, value)
  }
  expect(['a', 'b', 'c'].map((key) => latest.get(key))).toEqual(['new', undefined, ''])
})

test('nothing is remembered after everything has been forgotten', () => {
  const latest = createLatest<number>(2)
  for (const key of ['a', 'b', 'c']) latest.set(key, 1)
  latest.clear()
  expect(['a', 'b', 'c'].map((key) => latest.get(key))).toEqual([undefined, undefined, undefined])
})
