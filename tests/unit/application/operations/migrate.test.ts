import { expect, test } from 'vitest'
import { createMigrate } from '../../../../shared/application/operations/migrate.ts'
import { DAY_MS } from '../../../../shared/domain/times.ts'
import { createTopics, topicSpecs } from '../../../../shared/messaging/topics.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

const NOW = 100 * DAY_MS
const TOPICS = createTopics('orders', 'order-processor', [])
const MIGRATIONS = [{ version: 1, name: 'initial', appliedAt: '2026-01-01T00:00:00.000Z' }]

/** A log that keeps records for `maxAgeMs`. Its dead-letter topic has a record that is `ageDays` days old. */
function given({
  ageDays,
  maxAgeMs,
  retentionMs,
}: {
  ageDays: number
  maxAgeMs: number | null
  retentionMs: number | null
}) {
  const asked: (string | undefined)[] = []
  const record = {
    ...delivered(messageOf(), { topic: TOPICS.deadLetters, offset: 7 }),
    timestamp: NOW - ageDays * DAY_MS,
  }
  const migrate = createMigrate({
    log: {
      offsets: async (topic) => [{ partition: 0, first: 0, end: topic === TOPICS.deadLetters ? 8 : 0 }],
      committed: async () => new Map([[0, 7]]),
      read: async () => [record],
      retention: async () => ({ maxAgeMs, maxBytes: null, holesAreMarkers: true }),
      async alterRetention(specs) {
        asked.push(...specs.map(({ config }) => config['retention.ms']))
        return []
      },
    },
    maintenance: { migrate: async () => ({ migrations: MIGRATIONS }) },
    firstUncounted: async () => new Map(),
    topics: TOPICS,
    specs: topicSpecs(TOPICS, 1, 1, retentionMs),
    retentionMs,
    now: () => NOW,
  })
  return { migrate, asked }
}

test.each([
  ['a record that waits is younger', { ageDays: 89, maxAgeMs: null, retentionMs: 90 * DAY_MS }],
  [
    'the topics keep records for a shorter time so far',
    { ageDays: 91, maxAgeMs: 7 * DAY_MS, retentionMs: 90 * DAY_MS },
  ],
  ['records stay forever from now on', { ageDays: 91, maxAgeMs: 90 * DAY_MS, retentionMs: null }],
])('the topics get the new retention when %s', async (_, state) => {
  const { migrate, asked } = given(state)
  expect(await migrate()).toEqual({ migrations: MIGRATIONS, topics: [] })
  const wanted = state.retentionMs === null ? '-1' : String(state.retentionMs)
  expect(asked).toEqual([wanted, wanted])
})

test.each([[null], [365 * DAY_MS]])(
  'no topic changes when a record that waits would be lost (before: %s ms)',
  async (maxAgeMs) => {
    const { migrate, asked } = given({ ageDays: 91, maxAgeMs, retentionMs: 90 * DAY_MS })
    await expect(migrate()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('orders-dlt 0:7'),
    })
    expect(asked).toEqual([])
  },
)
