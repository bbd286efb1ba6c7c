import { expect, it } from 'vitest'
import { createLifeInLog } from '../../../../shared/application/log/life-in-log.ts'
import { readBeyondUnreadable } from '../../../../shared/application/log/read-beyond-unreadable.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import { createLogFigures } from '../../../../shared/telemetry/metrics/log-figures.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

it('reads past a few unreadable batches, and hides no other error', async () => {
  const unreadableUntil = (end: number) => ({
    async read(_topic: string, _partition: number, from: number) {
      if (from >= end) return [delivered(messageOf(), { offset: from })]
      throw new OrderError('log-unreadable', 'It is unreadable.', { unreadable: { from, to: from + 5 } })
    },
  })
  expect(await readBeyondUnreadable(unreadableUntil(10), 'orders', 0, 0, 1)).toMatchObject([{ offset: 10 }])
  expect(await readBeyondUnreadable(unreadableUntil(Infinity), 'orders', 0, 0, 1)).toEqual([])
  const away = { read: () => Promise.reject(new OrderError('log-unavailable', 'It is away.')) }
  await expect(readBeyondUnreadable(away, 'orders', 0, 0, 1)).rejects.toMatchObject({ code: 'log-unavailable' })
})

const firstUncounted = async () => new Map<number, number>()

it('says of a record whether its log keeps it until it is processed', async () => {
  const log = {
    offsets: async () => [{ partition: 0, first: 0, end: 8 }],
    committed: async () => new Map(),
    retention: async () => ({ maxAgeMs: 1, maxBytes: null, holesAreMarkers: false, keepsUnprocessed: true as const }),
    read: async () => [{ ...delivered(messageOf(), { offset: 0 }), timestamp: 50_000 }],
  }
  expect(await createLifeInLog({ log, firstUncounted, now: () => 100_000 })('orders', 'group')).toMatchObject({
    used: 50_000,
    staysUntilProcessed: true,
  })
})

it.each([
  ['was committed but not counted', 8, 5, 5],
  ['was neither', 3, 5, 3],
  ['was counted but not committed', 3, 8, 3],
])('takes the oldest record that %s', async (_, committed, uncounted, oldest) => {
  const log = {
    offsets: async () => [{ partition: 0, first: 0, end: 8 }],
    committed: async () => new Map([[0, committed]]),
    retention: async () => ({ maxAgeMs: 100_000, maxBytes: null, holesAreMarkers: true }),
    read: async (_topic: string, _partition: number, offset: number) => [
      { ...delivered(messageOf(), { offset }), timestamp: 50_000 },
    ],
  }
  const lifeInLog = createLifeInLog({ log, firstUncounted: async () => new Map([[0, uncounted]]), now: () => 100_000 })
  expect(await lifeInLog('orders', 'group')).toMatchObject({ offset: oldest, used: 0.5, staysUntilProcessed: false })
})

it('keeps the figures of all topics while a batch is unreadable, by using the records after it', async () => {
  const log = {
    offsets: async () => [{ partition: 0, first: 0, end: 8 }],
    committed: async () => new Map(),
    retention: async () => ({ maxAgeMs: 100_000, maxBytes: null, holesAreMarkers: true }),
    async read(_topic: string, _partition: number, from: number) {
      if (from >= 5) return [{ ...delivered(messageOf(), { offset: from }), timestamp: 50_000 }]
      throw new OrderError('log-unreadable', 'It is unreadable.', { unreadable: { from: 0, to: 5 } })
    },
  }
  const now = () => 100_000
  const lifeInLog = createLifeInLog({ log, firstUncounted, now })
  const figures = createLogFigures({ log, topics: createTopics('orders', 'group', [1000]), lifeInLog, now })
  expect(await figures()).toMatchObject([
    { lag: 8, lifeUsed: 0.5, overdueMs: null },
    { lag: 8, lifeUsed: 0.5, overdueMs: 50_000 },
    { lag: 8, lifeUsed: 0.5, overdueMs: null },
  ])
})
