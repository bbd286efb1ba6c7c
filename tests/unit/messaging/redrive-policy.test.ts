import { describe, expect, it } from 'vitest'
import { decideRedrive } from '../../../shared/messaging/parking/redrive-policy.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'

const TIME = '2026-01-01T00:00:00.000Z'

function task(changes: Partial<Omit<RedriveTask, 'lastStep'>> = {}, last: Partial<RedriveTask['lastStep']> = {}) {
  const base: RedriveTask = {
    id: 'task',
    state: 'running',
    why: null,
    createdAt: TIME,
    updatedAt: TIME,
    operator: 'Kim',
    reason: null,
    ratePerSecond: 500,
    step: 0,
    total: 1000,
    waiting: 1000,
    pending: 0,
    resolved: 0,
    failed: 0,
    skipped: 0,
    lastStep: { sent: 0, pending: 0, retrying: 0, failed: 0, ...last },
  }
  return { ...base, ...changes }
}

describe('the next step of a redrive', () => {
  it.each([
    [0, 1],
    [1, 5],
    [2, 20],
    [3, 100],
    [4, 500],
    [5, 500],
    [40, 500],
  ])('after %i good steps it sends %i letters', (step, letters) => {
    expect(decideRedrive(task({ step }))).toEqual({ kind: 'send', letters })
  })

  it('sends no more than wait, and no more than the rate allows in a second', () => {
    expect(decideRedrive(task({ step: 4, waiting: 7 }))).toEqual({ kind: 'send', letters: 7 })
    expect(decideRedrive(task({ step: 4, ratePerSecond: 30 }))).toEqual({ kind: 'send', letters: 30 })
  })

  it('waits while the outcome of the last step is open', () => {
    expect(decideRedrive(task({ step: 2 }, { sent: 5, pending: 1 }))).toEqual({ kind: 'wait' })
  })

  it.each([
    ['died again', { sent: 1, failed: 1 }],
    ['failed and is being retried', { sent: 1, pending: 1, retrying: 1 }],
  ])('stops when the first letter %s', (_, last) => {
    expect(decideRedrive(task({ step: 1 }, last))).toMatchObject({ kind: 'end', ending: { state: 'stopped' } })
  })

  it('stops as soon as more than half of a step failed, even with outcomes still open', () => {
    expect(decideRedrive(task({ step: 3 }, { sent: 20, pending: 9, failed: 8, retrying: 3 }))).toEqual({
      kind: 'end',
      ending: {
        state: 'stopped',
        why: 'Letters sent in the last step: 20; dead-lettered again: 8; failed and being retried: 3.',
      },
    })
  })

  it('continues when exactly half of a step failed', () => {
    expect(decideRedrive(task({ step: 3 }, { sent: 20, failed: 10 }))).toEqual({ kind: 'send', letters: 100 })
  })

  it('is done when nothing waits and nothing is open, not even a letter that was sent before the task was resumed', () => {
    expect(decideRedrive(task({ waiting: 0 }))).toEqual({ kind: 'end', ending: { state: 'done' } })
    expect(decideRedrive(task({ waiting: 0, pending: 3 }))).toEqual({ kind: 'wait' })
  })
})
