import { describe, expect, it } from 'vitest'
import { createConsumerFetch } from '../../../../shared/adapters/kafka/fetch/consumer-fetch.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const RECORD: LogRecord = { topic: 't', partition: 0, offset: 0, timestamp: 0, key: null, value: null, headers: [] }
const NUMBERS = [3, 4, 5]
const REQUEST = {
  topics: [{ topic: 't', partitions: NUMBERS.map((partition) => ({ partition, fetchOffset: '0', maxBytes: 1 })) }],
}

/** A response with `count` records of one partition, which has `left` more. */
function responseWith(count: number, left = 0) {
  const decoded = { records: Array.from({ length: count }, () => RECORD), next: count }
  const partition = {
    partition: 0,
    errorCode: 0,
    highWatermark: String(count + left),
    lastStableOffset: String(count + left),
    preferredReadReplica: -1,
    abortedTransactions: [],
    messages: count === 0 ? [] : [{ offset: '0', isControlRecord: false as const, decoded }],
  }
  return { responses: [{ topicName: 't', partitions: [partition] }] }
}

describe('the fetches of a consumer', () => {
  let nowMs = 1000
  const timer = {
    now: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms
    },
  }

  /** The time from the start of a fetch with this response to the start of the next one. Each fetch takes `tookMs`. */
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
    ['at once after none', responseWith(0), 0],
    ['at once after one that arrived alone', responseWith(1), 0],
    ['at once after few', responseWith(7), 0],
    ['20 ms apart while many keep arriving', responseWith(8), 20],
    ['at once if the last one left records behind', responseWith(500, 1), 0],
  ])('look for records %s', async (_, response, gapMs) => {
    expect(await gapAfter(response)).toBe(gapMs)
  })

  it('do not wait any longer after a fetch that took longer than that', async () => {
    expect(await gapAfter(responseWith(100), 15)).toBe(20)
    expect(await gapAfter(responseWith(100), 30)).toBe(30)
  })

  it('share one pace among all brokers', async () => {
    const changeFetch = createConsumerFetch(timer)
    const beganMs = nowMs
    await changeFetch(async () => responseWith(100))(REQUEST)
    await changeFetch(async () => responseWith(1))(REQUEST)
    expect(nowMs - beganMs).toBe(20)
  })

  it('ask for another partition first each time, so that a batch beyond the limits comes even if others have records', async () => {
    const asked: number[][] = []
    const fetch = createConsumerFetch()(async ({ topics }) => {
      asked.push(topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)))
      return responseWith(0)
    })
    for (let round = 0; round < 4; round++) await fetch(REQUEST)
    expect(asked).toEqual([
      [3, 4, 5],
      [4, 5, 3],
      [5, 3, 4],
      [3, 4, 5],
    ])
  })
})
