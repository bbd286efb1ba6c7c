import { describe, expect, it } from 'vitest'
import { createConsumerFetch } from '../../../../shared/adapters/kafka/fetch/consumer-fetch.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const RECORD: LogRecord = { topic: 't', partition: 0, offset: 0, timestamp: 0, key: null, value: null, headers: [] }
const REQUEST = {
  topics: [{ topic: 't', partitions: [0, 1].map((partition) => ({ partition, fetchOffset: '0', maxBytes: 1 })) }],
}

/**
 * A response for two partitions. For each, it contains `count` records, and the partition has `left` more after these.
 */
function responseWith(...found: readonly { count: number; left?: number; inTransaction?: number }[]) {
  const partitions = found.map(({ count, left = 0, inTransaction = 0 }, partition) => {
    const decoded = { records: Array.from({ length: count }, () => RECORD), next: count }
    return {
      partition,
      errorCode: 0,
      lastStableOffset: String(count + left),
      highWatermark: String(count + left + inTransaction),
      preferredReadReplica: -1,
      abortedTransactions: [],
      next: count,
      messages: count === 0 ? [] : [{ offset: '0', isControlRecord: false as const, decoded }],
    }
  })
  return { responses: [{ topicName: 't', partitions }] }
}

describe('the fetches of a consumer', () => {
  let nowMs = 1000
  const timer = {
    now: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms
    },
  }

  /** The time from the start of a fetch that gets this response to the start of the next fetch. Each takes `tookMs`. */
  async function gapAfter(response: ReturnType<typeof responseWith>, tookMs = 0): Promise<number> {
    const startedAtMs: number[] = []
    const fetch = createConsumerFetch(timer)(async () => {
      startedAtMs.push(nowMs)
      nowMs += tookMs
      return response
    })
    await fetch(REQUEST)
    await fetch(REQUEST)
    const [first = 0, second = 0] = startedAtMs
    return second - first
  }

  it.each([
    ['at once after none', responseWith({ count: 0 }), 0],
    ['at once after one that arrived alone', responseWith({ count: 1 }), 0],
    ['at once after few', responseWith({ count: 3 }, { count: 4 }), 0],
    ['20 ms apart while many keep arriving', responseWith({ count: 4 }, { count: 4 }), 20],
    ['20 ms apart even if some belong to an open transaction', responseWith({ count: 8, inTransaction: 5 }), 20],
    ['at once if the last one left records behind', responseWith({ count: 500, left: 1 }), 0],
    ['at once if a batch beyond the limits was left behind', responseWith({ count: 20 }, { count: 0, left: 1 }), 0],
  ])('look for records %s', async (_, response, gapMs) => {
    expect(await gapAfter(response)).toBe(gapMs)
  })

  it('do not wait any longer after a fetch that took longer than that', async () => {
    expect(await gapAfter(responseWith({ count: 100 }), 15)).toBe(20)
    expect(await gapAfter(responseWith({ count: 100 }), 30)).toBe(30)
  })

  it('share one pace among all brokers', async () => {
    const changeFetch = createConsumerFetch(timer)
    const beganMs = nowMs
    await changeFetch(async () => responseWith({ count: 100 }))(REQUEST)
    await changeFetch(async () => responseWith({ count: 1 }))(REQUEST)
    expect(nowMs - beganMs).toBe(20)
  })

  it('do not wait for the pace of another broker while they are behind', async () => {
    const changeFetch = createConsumerFetch(timer)
    const behind = changeFetch(async () => responseWith({ count: 100, left: 1 }))
    await behind(REQUEST)
    await changeFetch(async () => responseWith({ count: 100 }))(REQUEST)
    const beganMs = nowMs
    await behind(REQUEST)
    expect(nowMs).toBe(beganMs)
  })
})
