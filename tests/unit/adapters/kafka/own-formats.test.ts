import { expect, it } from 'vitest'
import { createFetchPace } from '../../../../shared/adapters/kafka/fetch/fetch-pace.ts'
import { paced } from '../../../../shared/adapters/kafka/client/own-formats.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const REQUEST = { topics: [] }
/** A timer may fire a little early, according to the clock that measures it. */
const EARLY_MS = 2

function fetched(count: number) {
  const record: LogRecord = {
    topic: 'orders',
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: null,
    value: null,
    headers: [],
  }
  const records = Array.from({ length: count }, () => record)
  const message = { offset: '0', isControlRecord: false as const, decoded: { records, next: count } }
  const partition = { partition: 0, errorCode: 0, highWatermark: '0', lastStableOffset: '0', preferredReadReplica: -1 }
  const partitions = [{ ...partition, abortedTransactions: [], messages: [message] }]
  return { responses: [{ topicName: 'orders', partitions }] }
}

it('spaces fetches that find many records, so that the next one finds more', async () => {
  const startedAtMs: number[] = []
  const fetch = paced(async () => {
    startedAtMs.push(performance.now())
    return fetched(100)
  }, createFetchPace(500))
  for (let round = 0; round < 4; round++) await fetch(REQUEST)
  const gaps = startedAtMs.slice(1).map((at, index) => at - (startedAtMs[index] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(20 - EARLY_MS)
})
