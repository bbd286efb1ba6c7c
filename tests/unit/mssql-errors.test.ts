import { describe, expect, test } from 'vitest'
import {
  failureOf,
  isRequestTimeout,
  leavesConnectionSound,
  toStoreError,
} from '../../shared/adapters/mssql/mssql-errors.ts'
import { toRounds } from '../../shared/adapters/mssql/rounds.ts'
import { cut, toSqlTime } from '../../shared/adapters/mssql/values.ts'

/** As mssql throws it. */
const thrown = (properties: object, name = 'RequestError') =>
  Object.assign(new Error('as the driver says'), { name }, properties)

describe('what an error of SQL Server means', () => {
  test.each([
    ['busy', [1205, 1222, 10928, 10929, 40501, 49918, 49919, 49920, 33557097]],
    ['full', [9002, 1105, 1101, 40544]],
    ['unavailable', [4060, 18456, 40197, 40613, 10053, 10054, 10060, 233, 3906, 824, 945, -2]],
    ['constraint', [547, 515, 245, 8152, 2628, 8114, 8115]],
    ['unique', [2601, 2627]],
    [undefined, [102, 207, 208, 2812]],
  ])('%s', (failure, numbers) => {
    for (const number of numbers)
      expect({ number, failure: failureOf(thrown({ number })) }).toEqual({ number, failure })
  })

  test.each([
    ['unavailable', { code: 'ESOCKET' }, 'ConnectionError'],
    ['unavailable', { code: 'ELOGIN' }, 'ConnectionError'],
    ['unavailable', { code: 'ECONNCLOSED' }, 'RequestError'],
    ['unavailable', { code: 'ETIMEOUT' }, 'ConnectionError'],
    ['busy', { code: 'ETIMEOUT' }, 'RequestError'],
    ['unavailable', {}, 'TimeoutError'],
    [undefined, { code: 'EARGS' }, 'RequestError'],
  ])('%s for what the driver says: %o', (failure, properties, name) => {
    expect(failureOf(thrown(properties, name))).toBe(failure)
  })

  test('what came first is the reason, and what mssql wrapped', () => {
    const aborted = thrown({ number: 3616, precedingErrors: [thrown({ number: 547 })] })
    expect(failureOf(aborted)).toBe('constraint')
    expect(failureOf(thrown({ code: 'EREQUEST', originalError: thrown({ info: { number: 9002 } }) }))).toBe('full')
    expect(failureOf(thrown({ originalError: new AggregateError([thrown({ number: 1205 })]) }))).toBe('busy')
  })

  test('anything else that was thrown is a fault of ours, and stays what it is', () => {
    for (const error of [new TypeError('x'), 'text', undefined, null, 7]) {
      expect(failureOf(error)).toBeUndefined()
      expect(toStoreError(error, 'here')).toBe(error)
    }
  })

  test('the ports get their codes, with the cause', () => {
    const full = thrown({ number: 9002 })
    expect(toStoreError(full, 'db:1433/orders')).toMatchObject({ code: 'store-full', retriable: true, cause: full })
    expect(toStoreError(thrown({ number: 2627 }), '')).toMatchObject({ code: 'store-busy', retriable: true })
    expect(toStoreError(thrown({ number: 547 }), '')).toMatchObject({ code: 'constraint-violated', retriable: false })
  })

  test('a connection is as good as before only when the server said what is wrong, and said it mildly', () => {
    expect(leavesConnectionSound(thrown({ number: 547, class: 16 }))).toBe(true)
    expect(leavesConnectionSound(thrown({ number: 824, class: 24 }))).toBe(false)
    expect(leavesConnectionSound(thrown({ code: 'ETIMEOUT' }))).toBe(false)
    expect(isRequestTimeout(thrown({ code: 'ETIMEOUT' }))).toBe(true)
    expect(isRequestTimeout(thrown({ code: 'ETIMEOUT' }, 'ConnectionError'))).toBe(false)
  })
})

describe('rounds', () => {
  test('what shares a key comes later than what shares it with it, and no number is left out', () => {
    expect(toRounds(['a', 'b', 'a', 'ab', 'c', 'a'], (keys) => Array.from(keys))).toEqual([0, 0, 1, 2, 0, 3])
    expect(toRounds([null, null], (key) => [key])).toEqual([0, 0])
  })
})

describe('values', () => {
  test('a time is that of UTC without a zone, and none beyond what a column holds', () => {
    expect(toSqlTime('2026-01-01T02:00:00.5+02:00')).toBe('2026-01-01T00:00:00.500')
    for (const none of ['yesterday', '', 1e16, '+010000-01-01T00:00:00.000Z']) expect(toSqlTime(none)).toBeNull()
  })

  test('a text is cut between characters', () => {
    expect(cut('a🛒b', 2)).toBe('a')
    expect(cut('a🛒b', 3)).toBe('a🛒')
    expect(cut('short', 9)).toBe('short')
  })
})
