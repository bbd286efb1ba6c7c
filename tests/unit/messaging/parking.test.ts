import { describe, expect, it } from 'vitest'
import { OrderError } from '../../../shared/domain/errors.ts'
import { classify } from '../../../shared/messaging/failure.ts'
import { nextJourney, originOf, readJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import { delivered, messageOf } from '../../support/orders/orders.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const BUSY = classify(new OrderError('store-busy', 'The database is locked.', { retriable: true }))
const BUG = classify(new TypeError('x is undefined'))
const RECORD = delivered(messageOf(), { partition: 3, offset: 7 })

const journey = (record = RECORD, failure = BUSY, attempt = 1) =>
  nextJourney(record, failure, {
    earlier: readJourney(record),
    attempt,
    maxAttempts: 4,
    notBefore: NOW + 10_000,
    groupId: 'order-processor',
    nowMs: NOW,
    timestampType: 'LogAppendTime',
  })

describe('a parked record', () => {
  it('keeps key, value and headers byte for byte, and its journey', () => {
    const parked = delivered(toParked(RECORD, journey()), { topic: 'orders-retry-1', offset: 0 })
    expect(parked.key).toEqual(RECORD.key)
    expect(parked.value).toEqual(RECORD.value)
    expect(parked.headers.slice(0, RECORD.headers.length)).toEqual(RECORD.headers)
    expect(readJourney(parked)).toEqual(journey())
    expect(originOf(parked)).toEqual({ topic: 'orders', partition: 3, offset: 7 })
  })

  it('keeps its origin and first failure from hop to hop, and does not grow', () => {
    const first = delivered(toParked(RECORD, journey()), { topic: 'orders-retry-1', offset: 0 })
    const second = delivered(toParked(first, journey(first, BUG, 2)), { topic: 'orders-retry-2', offset: 5 })
    const third = delivered(toParked(second, journey(second, BUG, 3)), { topic: 'orders-dlt', offset: 9 })
    expect(readJourney(third)).toMatchObject({
      origin: { topic: 'orders', partition: 3, offset: 7 },
      attempt: 3,
      first: { cause: { code: 'store-busy' } },
      last: { cause: { code: 'internal' } },
    })
    expect(third.headers).toHaveLength(second.headers.length)
  })

  it.each([
    ['oep-origin-partition', '2147483648'],
    ['oep-origin-offset', '9999999999999999'],
    ['oep-origin-topic', ''],
    ['oep-origin-topic', 'x'.repeat(250)],
  ])('has its own position as its origin when the value of %s is impossible', (name, value) => {
    const parked = delivered(toParked(RECORD, journey()), { topic: 'orders-dlt', offset: 4 })
    const forged = { ...parked, headers: [...parked.headers, [name, Buffer.from(value)] as const] }
    expect(originOf(forged)).toEqual({ topic: 'orders-dlt', partition: 0, offset: 4 })
  })

  it('has Spring’s headers as well as its own, with numbers as big-endian integers', () => {
    const headers = new Map(toParked(RECORD, journey()).headers)
    expect(headers.get('kafka_dlt-original-topic')).toBe('orders')
    expect(headers.get('kafka_dlt-original-partition')).toEqual(Buffer.from([0, 0, 0, 3]))
    expect(headers.get('kafka_dlt-original-offset')).toEqual(Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]))
  })

  it('loses its stack first when it is too large, then its value and headers, but never its origin', () => {
    const names = (size: 'whole' | 'without stack' | 'stub') =>
      toParked(RECORD, journey(RECORD, BUG), size).headers.map(([name]) => name)
    expect(names('whole')).toContain('oep-failure-stack')
    expect(names('without stack')).not.toContain('oep-failure-stack')
    expect(names('without stack')).not.toContain('kafka_dlt-exception-stacktrace')
    const stub = toParked(RECORD, journey(RECORD, BUG), 'stub')
    expect(stub.value).toBeNull()
    expect(stub.headers.map(([name]) => name)).not.toContain('ce_id')
    expect(originOf(delivered(stub, { topic: 'orders-dlt', offset: 1 }))).toMatchObject({ offset: 7 })
  })

  it('has a stack of at most 8 KiB', () => {
    const deep = new Error('deep')
    deep.stack = `Error: deep\n${'    at ä (file.ts:1:1)\n'.repeat(1000)}`
    expect(Buffer.byteLength(classify(deep).stack ?? '')).toBeLessThanOrEqual(8192)
  })
})
