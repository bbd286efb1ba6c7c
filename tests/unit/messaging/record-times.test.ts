import { assert, asyncProperty, bigInt, constantFrom, oneof, option, property, string } from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { toKafkaEvent } from '../../../infra/host/kafka/kafka-event.ts'
import { createKeepDeadLetters } from '../../../shared/application/dead-letters/keep-dead-letters.ts'
import { readAllExactly } from '../../../shared/application/log/exact-record.ts'
import { OrderError } from '../../../shared/domain/errors.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import { acceptedAtOf } from '../../../shared/messaging/records/envelope.ts'
import { classify } from '../../../shared/messaging/failure.ts'
import { fromKafkaEvents } from '../../../shared/messaging/records/kafka-event.ts'
import { nextJourney, readJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import type { DeadLetter } from '../../../shared/ports/dead-letters.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { createLogFigures } from '../../../shared/telemetry/metrics/log-figures.ts'
import { delivered, messageOf, newOrder, testOrderIds, orderIn } from '../../support/orders/orders.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const MAX_INT64 = 2 ** 63
const MICROSECONDS = 1_790_000_000_000_000
const NANOSECONDS = 1_790_000_000_000_000_000

/** Kafka's range: any 64-bit integer, rounded to the precision of a JavaScript number. */
const anyTimestamp = oneof(
  bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(Number),
  constantFrom(-MAX_INT64, -1, 0, 1, MICROSECONDS, NANOSECONDS, MAX_INT64),
)

function recordAt(timestamp: number, changes: { time?: string; orderId?: string } = {}): LogRecord {
  const { time, ...order } = changes
  const { headers, ...message } = messageOf(newOrder(order))
  const kept = headers.filter(([name]) => name !== 'ce_time')
  const all = time === undefined ? kept : [...kept, ['ce_time', time] as const]
  return { ...delivered({ ...message, headers: all }, { offset: 7 }), timestamp }
}

test('a record with any timestamp has an order with a time that every store and every client can read', () => {
  assert(
    property(anyTimestamp, option(string(), { nil: undefined }), (timestamp, time) => {
      const record = recordAt(timestamp, time === undefined ? {} : { time })
      expect(orderIn(record, record).acceptedAt).toMatch(RFC_3339)
    }),
  )
})

describe('an order was accepted', () => {
  const inId = '2026-01-01T00:00:00.000Z'
  const derived = testOrderIds.derive('key', '{}')

  it.each([
    ['when its ce_time says', NANOSECONDS, { time: '2026-03-01T00:00:00Z' }, '2026-03-01T00:00:00.000Z'],
    ['else at its record’s time', Date.UTC(2026, 1, 2), {}, '2026-02-02T00:00:00.000Z'],
    [
      'also when ce_time is beyond four digits',
      Date.UTC(2026, 1, 2),
      { time: '+058877-01-01T00:00:00Z' },
      '2026-02-02T00:00:00.000Z',
    ],
    ['else when its id was made', MICROSECONDS, {}, inId],
    ['also when the record says that it has no time', -1, {}, inId],
    ['else at a time that stands for none', NANOSECONDS, { orderId: derived }, '1970-01-01T00:00:00.000Z'],
  ])('%s', (_, timestamp, changes, expected) => {
    expect(acceptedAtOf(recordAt(timestamp, changes))).toBe(expected)
  })
})

test('a record with any timestamp is parked, and its journey can be read again', () => {
  const failure = classify(new OrderError('store-busy', 'The store was busy.'))
  const next = {
    attempt: 1,
    maxAttempts: 2,
    notBefore: 5,
    groupId: 'group',
    nowMs: 4,
    timestampType: 'CreateTime',
  } as const
  assert(
    property(anyTimestamp, (timestamp) => {
      const record = recordAt(timestamp)
      const journey = nextJourney(record, failure, next)
      const parked = delivered(toParked(record, journey), { topic: 'orders-retry-1', offset: 0 })
      expect(readJourney(parked)).toEqual({ ...journey, originTimestamp: timestamp })
    }),
  )
})

test('the host delivers a record with any timestamp, and its own time is read again from the log', async () => {
  await assert(
    asyncProperty(anyTimestamp, async (timestamp) => {
      const record = recordAt(timestamp)
      const [[event] = []] = fromKafkaEvents([toKafkaEvent(record)])
      const [exact] = await readAllExactly(
        { log: { read: async () => [record], offsets: async () => [] }, ordersTopic: 'orders' },
        [event!],
      )
      expect(exact?.timestamp).toBe(timestamp)
    }),
  )
})

test('a malformed time of a host counts as missing', () => {
  const event = toKafkaEvent(recordAt(0))
  for (const Timestamp of ['', 'soon', '0001-01-01T00:00:00Z']) {
    expect([...fromKafkaEvents([{ ...event, Timestamp }])]).toMatchObject([[{ timestamp: -1, lossy: true }]])
  }
})

test('other producers’ records in the dead-letter topic are kept, whatever their timestamps', async () => {
  const kept: DeadLetter[] = []
  const clock = createVirtualClock()
  const keepDeadLetters = createKeepDeadLetters({
    originals: { log: { read: async () => [], offsets: async () => [] }, ordersTopic: 'orders' },
    deadLetters: { keep: async (letters) => void kept.push(...letters) },
    clock,
    events: createPipelineEmitter(),
    signal: new AbortController().signal,
  })
  await assert(
    asyncProperty(anyTimestamp, async (timestamp) => {
      await keepDeadLetters([{ ...recordAt(timestamp), topic: 'orders-dlt', lossy: false }])
      expect(kept.at(-1)).toMatchObject({ recordTimestamp: timestamp, lastFailedAt: expect.stringMatching(RFC_3339) })
    }),
  )
})

test('a record of a retry topic without a time is not treated as long overdue', async () => {
  const topics = createTopics('orders', 'group', [1000])
  for (const timestamp of [-MAX_INT64, -1, NANOSECONDS]) {
    const figures = createLogFigures({
      log: {
        offsets: async () => [{ partition: 0, first: 0, end: 1 }],
        committed: async () => new Map(),
        read: async () => [recordAt(timestamp)],
      },
      lifeInLog: async () => undefined,
      topics,
      now: () => Date.UTC(2026, 0, 1),
    })
    expect((await figures()).map(({ overdueMs }) => overdueMs)).toEqual([null, 0, null])
  }
})
