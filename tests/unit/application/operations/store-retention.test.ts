import { expect, test } from 'vitest'
import { createStoreRetention } from '../../../../shared/application/operations/store-retention.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import type { RemovablePart, RemovalBounds, RemovalStep } from '../../../../shared/ports/retention.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 3, 1)
const FOREVER = { settled: null, history: null, audit: null }

/** A store that takes the number of steps in `steps` for each part, and removes one row in each step. */
function given(
  retentionMs: Parameters<typeof createStoreRetention>[0]['retentionMs'],
  steps: Partial<Record<RemovablePart, number>> = {},
  before: (calls: number, stop: () => void) => void = () => undefined,
) {
  const clock = createVirtualClock(NOW)
  const events = createPipelineEmitter()
  const stopping = new AbortController()
  const asked: [RemovablePart, RemovalBounds][] = []
  const told: [RemovablePart, number][] = []
  const errors: unknown[] = []
  events.on('store:removed', ({ part, removed }) => told.push([part, removed]))
  const retention = createStoreRetention({
    retention: {
      async remove(part, bounds): Promise<RemovalStep> {
        asked.push([part, bounds])
        before(asked.length, () => stopping.abort(new Error('It stops.')))
        const next = bounds.from + 1
        const isEnd = next >= (steps[part] ?? 0)
        return { removed: (steps[part] ?? 0) > 0 ? 1 : 0, next: isEnd ? null : next }
      },
    },
    retentionMs,
    events,
    clock,
    signal: stopping.signal,
    onError: (error) => errors.push(error),
    onBack: () => errors.push('back'),
  })
  return { retention, asked, told, errors, clock, stopping }
}

test('there are no rounds when everything is kept forever', () => {
  expect(given(FOREVER).retention).toBeUndefined()
})

test('each setting removes its own parts, by its own age, step by step from where the last one ended', async () => {
  const { retention, asked, told } = given(
    { settled: 90 * DAY, history: null, audit: 365 * DAY },
    { 'dead-letters': 3, redrives: 1 },
  )
  await retention?.remove()
  expect(asked.map(([part, { olderThan, from }]) => [part, olderThan.slice(0, 10), from])).toEqual([
    ['dead-letters', '2026-01-01', 0],
    ['dead-letters', '2026-01-01', 1],
    ['dead-letters', '2026-01-01', 2],
    ['audit', '2025-04-01', 0],
    ['redrives', '2025-04-01', 0],
  ])
  expect(told).toEqual([
    ['dead-letters', 3],
    ['redrives', 1],
  ])
  const histories = given({ ...FOREVER, history: DAY })
  await histories.retention?.remove()
  expect(histories.asked.map(([part]) => part)).toEqual(['histories', 'change-histories'])
})

test('a process that stops ends the round after a step, and reports what the round has removed', async () => {
  const { retention, asked, told, errors } = given(
    { ...FOREVER, settled: DAY },
    { 'dead-letters': 9 },
    (calls, stop) => {
      if (calls === 2) stop()
    },
  )
  await retention?.run()
  expect([asked.length, told, errors]).toEqual([2, [['dead-letters', 2]], []])
})

test('a store that fails ends the round, and the next round begins again', async () => {
  const away = new Error('The store is away.')
  const { retention, asked, errors } = given({ ...FOREVER, audit: DAY }, {}, (calls, stop) => {
    if (calls === 1) throw away
    if (calls === 3) stop()
  })
  await retention?.run()
  expect(errors).toEqual([away, 'back'])
  expect(asked.map(([part]) => part)).toEqual(['audit', 'audit', 'redrives'])
})

test('a round goes on where the last one ended, and begins again after a day', async () => {
  const { retention, asked, clock } = given({ ...FOREVER, history: DAY }, { histories: 3 })
  const round = async () => {
    asked.length = 0
    await retention?.remove()
    return asked.flatMap(([part, { from }]) => (part === 'histories' ? [from] : []))
  }
  expect(await round()).toEqual([0, 1, 2])
  expect(await round()).toEqual([2])
  clock.advance(DAY - 1_000)
  expect(await round()).toEqual([2])
  clock.advance(1_000)
  expect(await round()).toEqual([0, 1, 2])
})
