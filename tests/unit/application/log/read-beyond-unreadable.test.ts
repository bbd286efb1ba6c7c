import { expect, it } from 'vitest'
import { createLifeInLog } from '../../../../shared/application/log/life-in-log.ts'
import { readBeyondUnreadable } from '../../../../shared/application/log/read-beyond-unreadable.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import { createLogFigures } from '../../../../shared/telemetry/metrics/log-figures.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

it('reads behind a few unreadable batches, and hides no other error', async () => {
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

it('does not take a record for close to leaving a log that keeps it until it is processed', async () => {
  const log = {
    offsets: async () => [{ partition: 0, first: 0, end: 8 }],
    committed: async () => new Map(),
    retention: async () => ({ maxAgeMs: 1, maxBytes: null, holesAreMarkers: false, keepsUnprocessed: true as const }),
    read: async () => [{ ...delivered(messageOf(), { offset: 0 }), timestamp: 50_000 }],
  }
  expect(await createLifeInLog({ log, now: () => 100_000 })('orders', 'group')).toBeUndefined()
})

it('keeps the figures of all topics while a batch is unreadable, by the records behind it', async () => {
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
  const lifeInLog = createLifeInLog({ log, now })
  const figures = createLogFigures({ log, topics: createTopics('orders', 'group', [1000]), lifeInLog, now })
  expect(await figures()).toMatchObject([
    { lag: 8, lifeUsed: 0.5, overdueMs: null },
    { lag: 8, lifeUsed: 0.5, overdueMs: 50_000 },
    { lag: 8, lifeUsed: 0.5, overdueMs: null },
  ])
})
