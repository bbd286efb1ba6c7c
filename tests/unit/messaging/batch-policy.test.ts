import { describe, expect, it } from 'vitest'
import { OrderError, type ErrorCode } from '../../../shared/domain/errors.ts'
import {
  decideBatch,
  failsAsAWhole,
  type BatchHistory,
  type BatchStep,
} from '../../../shared/messaging/batch-policy.ts'
import { classify, type Failure } from '../../../shared/messaging/failure.ts'

const NOW = 1_000_000
const FIRST: BatchHistory = { attempt: 1, attemptsBeganAt: NOW, holds: 0, failedInARow: 0 }
const LIMITS = { nowMs: NOW, deadline: NOW + 300_000, isStopping: false, random: () => 1 }

const failing = (code: ErrorCode, retryAfterSeconds?: number) =>
  classify(new OrderError(code, 'It failed.', retryAfterSeconds === undefined ? {} : { retryAfterSeconds }))
const busy = failing('store-busy')
const bug = classify(new TypeError('a fault of ours'))
const undecided = failing('change-not-decided')
const poison = failing('constraint-violated')
const outage = failing('store-unavailable')

type Steps = BatchStep<{ failure: Failure }>['kind']

describe('a batch whose transaction failed', () => {
  const late = { nowMs: LIMITS.deadline + 1 }
  it.each<[string, Failure, Partial<BatchHistory>, Partial<typeof LIMITS>, Steps]>([
    ['is tried again after a transient failure', busy, {}, {}, 'store'],
    ['is tried again after a bug', bug, { attempt: 3 }, {}, 'store'],
    ['is looked through when the attempts are used up', busy, { attempt: 4 }, {}, 'find-culprits'],
    ['is looked through when the budget is used up', bug, { attemptsBeganAt: NOW - 15_000 }, {}, 'find-culprits'],
    [
      'is looked through when the store asks for more than the budget',
      failing('store-busy', 16),
      {},
      {},
      'find-culprits',
    ],
    ['is looked through at once for poison', poison, {}, {}, 'find-culprits'],
    ['is given back for an outage that outlasted its hold', outage, {}, {}, 'give-back'],
    ['is given back by a process that stops', busy, {}, { isStopping: true }, 'give-back'],
    ['is given back when it is too late to look through it', poison, {}, late, 'give-back'],
    ['is given back when the attempts end after the deadline', busy, { attempt: 4 }, late, 'give-back'],
  ])('%s', (_, failure, before, limits, expected) => {
    const step = decideBatch({ kind: 'failed', failure }, { ...FIRST, ...before }, { ...LIMITS, ...limits })
    expect(step.kind).toBe(expected)
    if (step.kind === 'give-back') expect(step.error).toBe(failure.error)
  })

  it('waits longer after each attempt, and at least as long as the store asks for', () => {
    const waitAfter = (attempt: number, failure = busy) =>
      decideBatch({ kind: 'failed', failure }, { ...FIRST, attempt }, LIMITS)
    expect([1, 2, 3].map((attempt) => waitAfter(attempt))).toMatchObject([50, 150, 450].map((waitMs) => ({ waitMs })))
    expect(waitAfter(1, failing('store-busy', 10))).toMatchObject({ waitMs: 10_050 })
  })
})

describe('a batch with orders that cannot be stored', () => {
  const blamed = [{ failure: busy }, { failure: busy }]
  it.each<[string, Partial<BatchHistory>, Partial<typeof LIMITS>, Steps]>([
    ['parks them', {}, {}, 'park'],
    ['parks them when it is the first to fail as a whole', { failedInARow: 1 }, {}, 'park'],
    ['is held when it is the second in a row', { failedInARow: 2 }, {}, 'hold'],
    ['is held again while that goes on', { failedInARow: 9, holds: 7 }, {}, 'hold'],
    ['is given back when it cannot be held any longer', { failedInARow: 2 }, { nowMs: LIMITS.deadline }, 'give-back'],
  ])('%s', (_, before, limits, expected) => {
    const step = decideBatch({ kind: 'blamed', blamed }, { ...FIRST, ...before }, { ...LIMITS, ...limits })
    expect(step.kind).toBe(expected)
    if (step.kind === 'park') expect(step.blamed).toBe(blamed)
    if (step.kind === 'give-back') expect(step.error).toMatchObject({ code: 'internal', retriable: true })
  })

  it('is tried again with nothing parked when no culprit was found', () => {
    const step = decideBatch({ kind: 'blamed', blamed: [] }, { ...FIRST, failedInARow: 2 }, LIMITS)
    expect(step).toEqual({ kind: 'park', blamed: [] })
  })

  it.each<[string, readonly Failure[], number, 'origin' | 'copy', boolean]>([
    ['every order meets a busy store', [busy, busy], 2, 'origin', true],
    ['every order meets a busy store in a retry topic', [busy, busy], 2, 'copy', true],
    ['every order meets a bug', [bug, busy], 2, 'origin', true],
    ['a retry topic holds what meets a bug', [bug, busy], 2, 'copy', false],
    ['changes cannot be decided', [undecided, bug], 2, 'origin', false],
    ['one is poison', [busy, poison], 2, 'origin', false],
    ['one is good', [busy, busy], 3, 'origin', false],
    ['there is one order only', [busy], 1, 'origin', false],
    ['there is no order', [], 0, 'origin', false],
  ])('counts as failing as a whole or not, where %s', (_, failures, orders, delivered, expected) => {
    const all = failures.map((failure) => ({ failure }))
    expect(failsAsAWhole(all, orders, delivered)).toBe(expected)
  })
})
