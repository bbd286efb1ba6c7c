import { expect, test } from 'vitest'
import { compareClocks } from '../../../../shared/application/log/compare-clocks.ts'
import type { ClockReading, TimestampType } from '../../../../shared/ports/event-log.ts'
import { delivered, messageOf, newOrder } from '../../../support/orders/orders.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const MINUTE = 60_000
const AGREES: ClockReading = { aheadMs: 0, isOff: false, isRefused: false }

/** The faults that are found if the topic's newest order was accepted and logged at these times. */
async function faults(acceptedAt: number, takenAt: number, clock = AGREES, type: TimestampType = 'LogAppendTime') {
  const message = messageOf(newOrder({ acceptedAt: new Date(acceptedAt).toISOString() }))
  const record = { ...delivered(message, { offset: 4 }), timestamp: takenAt }
  const log = {
    clock: () => clock,
    timestampTypeOf: () => type,
    offsets: async () => [
      { partition: 0, first: 0, end: 5 },
      { partition: 1, first: 3, end: 3 },
    ],
    read: async (_topic: string, partition: number, offset: number) =>
      partition === 0 && offset === 4 ? [record] : [],
  }
  return compareClocks(log, 'orders', NOW)
}

test('clocks that agree, and orders that were copied long after they were accepted, are no fault', async () => {
  expect(await faults(NOW - 50, NOW)).toEqual([])
  expect(await faults(NOW - 30 * 24 * 60 * MINUTE, NOW - MINUTE)).toEqual([])
  expect(await faults(NOW, NOW - 4000)).toEqual([])
})

test('an order that was accepted after the log’s time comes from a clock that is ahead', async () => {
  expect(await faults(NOW + 60 * MINUTE, NOW - 60 * MINUTE)).toEqual([
    "The clock of a machine that accepts orders is at least 7200 s ahead of the log's: set it.",
  ])
})

test('a record whose log time is later than now shows that this clock is behind', async () => {
  expect(await faults(NOW, NOW + 2 * MINUTE)).toEqual([
    "This machine's clock is at least 120 s behind the log's: set it.",
  ])
})

test('the result of publishing counts, and a refusal by the log above all', async () => {
  const told = async (reading: Partial<ClockReading>) => faults(NOW, NOW, { ...AGREES, ...reading })
  expect(await told({ aheadMs: 7_200_000, isOff: true })).toEqual([
    "This machine's clock is 7200 s ahead of the log's: set it.",
  ])
  expect(await told({ aheadMs: -7000, isOff: true })).toEqual(["This machine's clock is 7 s behind the log's: set it."])
  expect(await told({ aheadMs: undefined })).toEqual([])
  expect(await told({ isRefused: true })).toEqual([
    "The log refuses timestamps from this machine's clock: set the clock.",
  ])
})

test('a topic that keeps its producers’ times shows nothing about the log’s clock', async () => {
  expect(await faults(NOW + 60 * MINUTE, NOW - 60 * MINUTE, AGREES, 'CreateTime')).toEqual([])
})
