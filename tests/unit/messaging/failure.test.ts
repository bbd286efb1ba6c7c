import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { OrderError } from '../../../shared/domain/errors.ts'
import { classify, fingerprintOf, truncateUtf8 } from '../../../shared/messaging/failure.ts'
import { backoffMs, decideDestination } from '../../../shared/messaging/retry-policy.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'

const TIERS = createTopics('orders', 'group', [10_000, 60_000]).retries
const NOW = 1_000_000

describe('a failure', () => {
  it.each([
    ['invalid-order', 'poison'],
    ['undecodable-record', 'poison'],
    ['unknown-event', 'poison'],
    ['order-id-reused', 'poison'],
    ['idempotency-key-reused', 'poison'],
    ['constraint-violated', 'poison'],
    ['store-busy', 'transient'],
    ['store-unavailable', 'outage'],
    ['store-full', 'outage'],
    ['log-unavailable', 'outage'],
    ['log-full', 'outage'],
  ] as const)('with the code %s is %s', (code, expected) => {
    expect(classify(new OrderError(code, 'words')).class).toBe(expected)
  })

  it.each([new TypeError('x is not a function'), 'a string', undefined, null, 5])(
    'of any other kind is a bug: %s',
    (error) => {
      expect(classify(error)).toMatchObject({ class: 'bug', cause: { code: 'internal' } })
    },
  )

  it('never shows a caller what a driver said', () => {
    const error = new OrderError('store-unavailable', 'Login failed for user sa at 10.0.0.1')
    expect(classify(error).cause.detail).toBe('The store could not be reached.')
    expect(classify(new Error('password=hunter2')).cause.detail).not.toContain('hunter2')
  })

  it('keeps its fingerprint across versions', () => {
    const fingerprint = (frame: string) => fingerprintOf('internal', 'broken', `Error: broken\n    at ${frame}`)
    const sha = (place: string) => createHash('sha256').update(`internal\nbroken\n${place}`).digest('hex').slice(0, 16)
    expect(fingerprint('async f (file:///app/dist/shared/a.js:3:1)')).toBe(sha('f shared/a.js'))
    expect(fingerprint('file:///app/functions/a.ts:3:1')).toBe(sha(' functions/a.ts'))
    expect(fingerprint('f (node:fs:3:1)')).toBe(sha(''))
  })

  it('has the same fingerprint whatever ids and numbers its message holds, and a different one for another fault', () => {
    const one = fingerprintOf('internal', 'order 018f0000-0000-7000-8000-000000000000 at "a" took 17 ms', null)
    const same = fingerprintOf('internal', 'order 018f1111-0000-7000-8000-000000000001 at "b" took 250 ms', null)
    expect(same).toBe(one)
    expect(fingerprintOf('internal', 'something else', null)).not.toBe(one)
    expect(fingerprintOf('store-busy', 'order 018f0000-0000-7000-8000-000000000000 at "a" took 17 ms', null)).not.toBe(
      one,
    )
  })

  it('is cut between characters, not within one', () => {
    expect(truncateUtf8('aä', 2)).toBe('a')
    expect(truncateUtf8('aä', 3)).toBe('aä')
  })
})

describe('the retry policy', () => {
  it('sends poison to the dead-letter topic at once', () => {
    expect(decideDestination('poison', 1, TIERS, NOW)).toEqual({ kind: 'dead-letter' })
  })

  it.each(['transient', 'bug'] as const)(
    'sends %s failures through the tiers in order, then to the dead-letter topic',
    (kind) => {
      expect(decideDestination(kind, 1, TIERS, NOW)).toEqual({ kind: 'retry', tier: TIERS[0], notBefore: NOW + 10_000 })
      expect(decideDestination(kind, 2, TIERS, NOW)).toEqual({ kind: 'retry', tier: TIERS[1], notBefore: NOW + 60_000 })
      expect(decideDestination(kind, 3, TIERS, NOW)).toEqual({ kind: 'dead-letter' })
    },
  )

  it('waits a random time up to an exponential bound that has a ceiling', () => {
    const backoff = { initialMs: 50, maxMs: 2000, multiplier: 3 }
    expect([1, 2, 3, 4, 5].map((attempt) => backoffMs(backoff, attempt, () => 1))).toEqual([50, 150, 450, 1350, 2000])
    expect(backoffMs(backoff, 5, () => 0)).toBe(0)
  })
})
