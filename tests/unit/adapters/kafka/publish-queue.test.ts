import { describe, expect, test, vi } from 'vitest'
import { createKafkaQueue } from '../../../../shared/adapters/kafka/publish/publish-queue.ts'
import type { OutgoingRecord } from '../../../../shared/adapters/kafka/publish/records.ts'
import { partitionOfKey } from '../../../../shared/adapters/partitioner.ts'
import { createQueueBounds } from '../../../../shared/adapters/queue-bounds.ts'

const PARTITIONS = 3
const DEADLINE_MS = 400

/** A broker, as the sender sees it: it writes to the partitions that accept records, and refuses the others. */
function createBroker() {
  const refusals = new Map<number, string>()
  const written: string[] = []
  const requests: number[][] = []
  let isKnown = false
  return {
    written,
    requests,
    refuse: (partition: number, type = 'NOT_ENOUGH_REPLICAS') => refusals.set(partition, type),
    accept: (partition: number) => refusals.delete(partition),
    partitions: () => (isKnown ? PARTITIONS : undefined),
    async send(records: OutgoingRecord[]) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      isKnown = true
      for (const record of records) record.partition ??= partitionOfKey(record.key ?? '', PARTITIONS)
      requests.push(records.map(({ partition }) => partition ?? -1))
      let refused: string | undefined
      for (const record of records) {
        const type = refusals.get(record.partition ?? -1)
        refused ??= type
        if (type !== undefined) continue
        record.offset = written.push(String(record.key)) - 1
      }
      if (refused !== undefined) throw Object.assign(new Error(refused), { type: refused })
    },
  }
}

function scenario() {
  const broker = createBroker()
  const failures: unknown[] = []
  let sent = 0
  const bounds = createQueueBounds('Kafka', {})
  const queue = createKafkaQueue({
    topic: 'orders',
    sender: broker,
    bounds,
    deadlineMs: DEADLINE_MS,
    onSent: () => (sent += 1),
    onFailed: (error) => failures.push(error),
    onClockRefused: () => undefined,
  })
  return { broker, failures, bounds, queue, sent: () => sent }
}

/** A key that belongs to the partition. */
function keyIn(partition: number, from = 0): string {
  for (let number = from; ; number++)
    if (partitionOfKey(`order-${number}`, PARTITIONS) === partition) return `order-${number}`
}

function recordIn(partition: number, from?: number) {
  return { key: keyIn(partition, from), value: Buffer.from('{}'), headers: [] }
}

describe('while one partition refuses records', () => {
  test('the others accept theirs, once, before the refused record has failed', async () => {
    const { broker, queue, failures, bounds } = scenario()
    broker.refuse(1)
    const outcomes: string[] = []
    const place = async (partition: number, from: number) => {
      await queue.publish([recordIn(partition, from)]).then(
        () => outcomes.push('accepted'),
        (error: { code: string }) => outcomes.push(error.code),
      )
    }
    const refused = [place(1, 0), place(1, 100)]
    const accepted = [place(0, 0), place(2, 0)]
    await Promise.all(accepted)
    for (let round = 1; round <= 5; round++) await place(round % 2 === 0 ? 0 : 2, round * 100)
    expect(outcomes).toEqual(Array(7).fill('accepted'))
    expect(broker.written).toHaveLength(7)
    await Promise.all(refused)
    expect(outcomes.slice(7)).toEqual(['log-unavailable', 'log-unavailable'])
    expect(failures).toEqual([])
    await bounds.drained()
  })

  test('no later request of the others contains its records, until it accepts records again', async () => {
    const { broker, queue } = scenario()
    broker.refuse(1)
    const refused = queue.publish([recordIn(1)])
    await vi.waitFor(() => expect(broker.requests.length).toBeGreaterThan(1))
    const both = [queue.publish([recordIn(0)]), queue.publish([recordIn(1, 100)])]
    await both[0]
    expect(broker.requests.every((request) => new Set(request).size === 1)).toBe(true)
    broker.accept(1)
    expect(await refused).toEqual([{ topic: 'orders', partition: 1, offset: expect.any(Number) }])
    await both[1]
    await vi.waitFor(async () => {
      await Promise.all([queue.publish([recordIn(0)]), queue.publish([recordIn(1)])])
      expect(new Set(broker.requests.at(-1))).toEqual(new Set([0, 1]))
    })
  })

  test('a call with records for several partitions waits for all of them', async () => {
    const { broker, queue } = scenario()
    broker.refuse(1)
    const publishing = queue.publish([recordIn(0), recordIn(1), recordIn(2)])
    await vi.waitFor(() => expect(broker.requests.length).toBeGreaterThan(1))
    broker.accept(1)
    expect((await publishing).map(({ partition }) => partition)).toEqual([0, 1, 2])
    expect(broker.written.toSorted()).toEqual([keyIn(0), keyIn(1), keyIn(2)].toSorted())
  })
})

test('the failures are reported while every partition refuses records', async () => {
  const { broker, queue, failures, sent } = scenario()
  for (let partition = 0; partition < PARTITIONS; partition++) broker.refuse(partition)
  const calls = await Promise.allSettled([0, 1, 2].map((partition) => queue.publish([recordIn(partition)])))
  expect(calls.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(failures.length).toBeGreaterThan(0)
  expect(sent()).toBe(0)
})

test('once a record of a call is too large, no other record of the call is sent', async () => {
  const { broker, queue } = scenario()
  broker.refuse(1, 'MESSAGE_TOO_LARGE')
  const call = queue.publish([recordIn(1), recordIn(1, 100), recordIn(1, 200)])
  await expect(call).rejects.toMatchObject({ code: 'record-too-large' })
  await queue.publish([recordIn(0)])
  // All three together, then the first of them alone.
  expect(broker.requests).toEqual([[1, 1, 1], [1], [0]])
})
