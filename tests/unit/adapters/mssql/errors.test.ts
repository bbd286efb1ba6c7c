import { describe, expect, test } from 'vitest'
import {
  failureOf,
  isRequestTimeout,
  leavesConnectionSound,
  toStoreError,
} from '../../../../shared/adapters/mssql/database/errors.ts'
import { toRounds } from '../../../../shared/adapters/mssql/orders/rounds.ts'
import { cut, toSqlBound, toSqlTime } from '../../../../shared/adapters/mssql/database/values.ts'

/** An error like those that mssql throws. */
const thrown = (properties: object, name = 'RequestError') =>
  Object.assign(new Error('as the driver says'), { name }, properties)

describe('the meaning of an error of SQL Server', () => {
  test.each([
    ['busy', [601, 1205, 1222, 8628, 33557097]],
    // Azure's errors: transient ones, and those of resource governance and elastic pools, as Microsoft lists them.
    ['busy', [10928, 10929, 10936, 40501, 40549, 40550, 40551, 40552, 40553, 49918, 49919, 49920]],
    ['unavailable', [615, 926, 4060, 4221, 40197, 40613]],
    ['full', [9002, 1105, 1101, 40544, 1132]],
    // Row versioning.
    ['busy', [3958, 3960, 3966]],
    ['full', [3967]],
    ['unavailable', [18452, 18456, 4064, 10053, 10054, 10060, 233, 3906, 824, 921, 924, 945, 997, -2]],
    ['unavailable', [596, 1203, 3624, 17148]],
    ['permission', [229, 230, 262, 297, 300, 916, 1088, 5011]],
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

  test('an unlisted number is judged by its severity, of which 17 is the lowest that no order can cause', () => {
    for (const severity of [17, 19, 24]) {
      expect(failureOf(thrown({ number: 99_999, class: severity }))).toBe('unavailable')
    }
    expect(failureOf(thrown({ number: 99_999, class: 16 }))).toBeUndefined()
    expect(failureOf(thrown({ number: 547, class: 17 }))).toBe('constraint')
  })

  test('the first error is the reason, even if mssql wrapped it', () => {
    const aborted = thrown({ number: 3616, precedingErrors: [thrown({ number: 547 })] })
    expect(failureOf(aborted)).toBe('constraint')
    expect(failureOf(thrown({ code: 'EREQUEST', originalError: thrown({ info: { number: 9002 } }) }))).toBe('full')
    expect(failureOf(thrown({ originalError: new AggregateError([thrown({ number: 1205 })]) }))).toBe('busy')
  })

  test('any other exception is a bug of ours, and is left unchanged', () => {
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

  test('a missing grant and a refused login are reported as such, and pause the intake', () => {
    const denied = thrown({ number: 229, message: "The INSERT permission was denied on the object 'orders'." })
    expect(toStoreError(denied, 'db/orders')).toMatchObject({
      code: 'store-unavailable',
      message:
        "The store db/orders denies the login a permission: The INSERT permission was denied on the object 'orders'.",
    })
    const refused = thrown({ code: 'ELOGIN', originalError: thrown({ info: { number: 18456 } }) }, 'ConnectionError')
    expect(toStoreError(refused, 'db')).toMatchObject({
      code: 'store-unavailable',
      message: 'The store db refuses the login: as the driver says',
    })
    // A transient failure is an outage, even when the server reports it in response to the login.
    const moving = thrown({ code: 'ELOGIN', originalError: thrown({ info: { number: 40613 } }) }, 'ConnectionError')
    expect(toStoreError(moving, 'db')).toMatchObject({
      message: "The store db can't be used: as the driver says",
      retryAfterSeconds: 5,
    })
    const noToken = new AggregateError([thrown({ code: 'EFEDAUTH' }, 'ConnectionError')], 'no token')
    expect(toStoreError(thrown({ originalError: noToken, code: 'EFEDAUTH' }), 'db')).toMatchObject({
      message: expect.stringMatching(/^The store db refuses the login/) as string,
    })
  })

  test('an Azure error says to retry after the minimum delay that Microsoft asks for', () => {
    expect(toStoreError(thrown({ number: 40501 }), '')).toMatchObject({ retryAfterSeconds: 10 })
    for (const number of [615, 926, 4060, 10936, 40197, 40549, 40613, 49918]) {
      expect(toStoreError(thrown({ number }), '')).toMatchObject({ retryAfterSeconds: 5 })
    }
    expect(toStoreError(thrown({ number: 1205 }), '')).toMatchObject({ retryAfterSeconds: undefined })
  })

  test('a connection stays usable only after a mild error that the server itself reported', () => {
    expect(leavesConnectionSound(thrown({ number: 547, class: 16 }))).toBe(true)
    expect(leavesConnectionSound(thrown({ number: 824, class: 24 }))).toBe(false)
    expect(leavesConnectionSound(thrown({ code: 'ETIMEOUT' }))).toBe(false)
    expect(isRequestTimeout(thrown({ code: 'ETIMEOUT' }))).toBe(true)
    expect(isRequestTimeout(thrown({ code: 'ETIMEOUT' }, 'ConnectionError'))).toBe(false)
  })
})

describe('rounds', () => {
  test('rows with the same key come in different rounds, and no number is left out', () => {
    expect(toRounds(['a', 'b', 'a', 'ab', 'c', 'a'], (keys) => Array.from(keys))).toEqual([0, 0, 1, 2, 0, 3])
    expect(toRounds([null, null], (key) => [key])).toEqual([0, 0])
  })
})

describe('values', () => {
  test('a time is in UTC without a zone, and within the range of its column', () => {
    expect(toSqlTime('2026-01-01T02:00:00.5+02:00')).toBe('2026-01-01T00:00:00.500')
    for (const none of ['yesterday', '', 1e16, '+010000-01-01T00:00:00.000Z']) expect(toSqlTime(none)).toBeNull()
  })

  test('a bound that is out of range becomes the nearest time that the column can have', () => {
    expect(toSqlBound('2026-01-01T02:00:00.5+02:00')).toBe('2026-01-01T00:00:00.500')
    expect(toSqlBound('9999-12-31T23:59:59-05:00')).toBe('9999-12-31T23:59:59.999')
    expect(toSqlBound('0001-01-01T00:00:00+01:00')).toBe('0001-01-01T00:00:00.000')
    expect(toSqlBound('yesterday')).toBeNull()
  })

  test('a string is cut between characters', () => {
    expect(cut('a🛒b', 2)).toBe('a')
    expect(cut('a🛒b', 3)).toBe('a🛒')
    expect(cut('short', 9)).toBe('short')
  })
})
