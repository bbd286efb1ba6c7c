import { describe, expect, test, vi } from 'vitest'
import { createKafkaQueue } from '../../../../shared/adapters/kafka/publish/publish-queue.ts'
import type { OutgoingRecord } from '../../../../shared/adapters/kafka/publish/records.ts'
import { partitionOfKey } from '../../../../shared/adapters/partitioner.ts'
import { createQueueBounds } from '../../../../shared/adapters/queue-bounds.ts'

const PARTITIONS = 3
const DEADLINE_MS = 400

async function afterTurns(turns: number, work: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  work()
}

/**
 * The brokers, as the sender sees them: they write to the partitions that accept records, and refuse the others. As with
 * kafkajs, one refusal rejects the whole attempt, even if another broker has not answered yet.
 */
function createBrokers() {
  const refusals = new Map<number, string>()
  const late = new Set<number>()
  const written: string[] = []
  const requests: number[][] = []
  const limits = new Set<number>()
  let isKnown = false
  const acknowledge = (records: readonly OutgoingRecord[]) => {
    for (const record of records) record.offset = written.push(String(record.key)) - 1
  }
  return {
    written,
    requests,
    limits,
    refuse: (partition: number, type = 'NOT_ENOUGH_REPLICAS') => refusals.set(partition, type),
    accept: (partition: number) => refusals.delete(partition),
    /** The partition's broker answers just after the others. */
    delay: (partition: number) => late.add(partition),
    partitions: () => (isKnown ? PARTITIONS : undefined),
    async send(records: OutgoingRecord[], limitMs: number) {
      limits.add(limitMs)
      await new Promise((resolve) => setTimeout(resolve, 1))
      isKnown = true
      for (const record of records) record.partition ??= partitionOfKey(record.key ?? '', PARTITIONS)
      requests.push(records.map(({ partition }) => partition ?? -1))
      const typeOf = ({ partition }: OutgoingRecord) => refusals.get(partition ?? -1)
      const accepted = records.filter((record) => typeOf(record) === undefined)
      const isLate = ({ partition }: OutgoingRecord) => late.has(partition ?? -1)
      acknowledge(accepted.filter((record) => !isLate(record)))
      void afterTurns(3, () => acknowledge(accepted.filter(isLate)))
      for (const record of records) record.refused = typeOf(record) !== undefined
      const type = records.map(typeOf).find((found) => found !== undefined)
      if (type !== undefined) throw Object.assign(new Error(type), { type })
    },
  }
}

function scenario() {
  const broker = createBrokers()
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

test('a record on a broker that has not answered yet is not sent again because another broker refused its own', async () => {
  const { broker, queue, failures } = scenario()
  broker.refuse(1)
  broker.delay(2)
  const refused = queue.publish([recordIn(1)])
  await Promise.all([queue.publish([recordIn(0)]), queue.publish([recordIn(2)])])
  expect(broker.requests.flat().filter((partition) => partition !== 1)).toEqual([0, 2])
  expect(failures).toEqual([])
  broker.accept(1)
  await refused
})

test('a call has all of its time, even if its record waits behind one whose time is over', async () => {
  const { broker, queue } = scenario()
  broker.refuse(1)
  const settled: string[] = []
  const first = queue.publish([recordIn(1)]).catch(() => settled.push('first rejected'))
  await new Promise((resolve) => setTimeout(resolve, DEADLINE_MS / 2))
  const second = queue.publish([recordIn(1, 100)]).then(() => settled.push('second accepted'))
  await first
  expect(settled).toEqual(['first rejected'])
  broker.accept(1)
  await second
})

test('an attempt has as much time as a call, because one that is abandoned closes the connection of all the others', async () => {
  const { broker, queue } = scenario()
  broker.refuse(1)
  await Promise.allSettled([queue.publish([recordIn(1)]), queue.publish([recordIn(0)])])
  expect([...broker.limits]).toEqual([DEADLINE_MS])
})

test('a refusal is reported unless records were acknowledged lately', async () => {
  const { broker, queue, failures, sent } = scenario()
  broker.refuse(1)
  await expect(queue.publish([recordIn(1)])).rejects.toMatchObject({ code: 'log-unavailable' })
  expect(failures.length).toBeGreaterThan(0)
  expect(sent()).toBe(0)
  await queue.publish([recordIn(0)])
  failures.length = 0
  await expect(queue.publish([recordIn(1)])).rejects.toMatchObject({ code: 'log-unavailable' })
  expect(failures).toEqual([])
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
