import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { createEmbeddedDelivery } from '../../../../shared/adapters/embedded/delivery.ts'
import { createEmbeddedTopics } from '../../../../shared/adapters/embedded/topics.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const TOPIC = 'orders'
const PARTITION_ID = 1

function recordAt(offset: number): LogRecord {
  return { topic: TOPIC, partition: 0, offset, timestamp: 0, key: null, value: null, headers: [] }
}

/** A delivery of one record at a time, whose commits end only when the test ends them. */
function delivery(records: number) {
  const topics = createEmbeddedTopics()
  topics.load([{ id: PARTITION_ID, topic: TOPIC, partition: 0, first: 0, end: records }])
  const topic = topics.byName(TOPIC)
  if (topic === undefined) throw new Error('The topic was not loaded.')
  const commits: { readonly next: number | undefined; readonly end: () => void; readonly fail: () => void }[] = []
  const errors: unknown[] = []
  let handled = 0
  const delivering = createEmbeddedDelivery({
    topic,
    committed: new Map(),
    subscription: {
      groupId: 'group',
      topic: TOPIC,
      maxBatchSize: 1,
      onBatch: async () => void (handled += 1),
      onError: (error) => errors.push(error),
    },
    source: { read: async ([range]) => ({ records: [recordAt(range?.from ?? 0)], damaged: [] }) },
    commit: (next) =>
      new Promise((end, fail) =>
        commits.push({ next: next.get(PARTITION_ID), end, fail: () => fail(new Error('on purpose')) }),
      ),
  })
  return {
    delivering,
    commits,
    errors,
    handled: () => handled,
    publish: (end: number) => topics.advance(new Map([[PARTITION_ID, end]])),
  }
}

describe('The offsets of processed batches', () => {
  it('are committed together, while further batches are delivered', async () => {
    const { delivering, commits, handled, publish } = delivery(3)
    await vi.waitFor(() => expect(commits).toHaveLength(1))
    expect(commits[0]).toHaveProperty('next', 3)
    publish(5)
    await vi.waitFor(() => expect(handled()).toBe(5))
    commits[0]?.end()
    await vi.waitFor(() => expect(commits).toHaveLength(2))
    expect(commits[1]).toHaveProperty('next', 5)
    commits[1]?.end()
    // Nothing is left to commit, so the next batch begins a new round.
    await setImmediate()
    publish(6)
    await vi.waitFor(() => expect(commits).toHaveLength(3))
    commits[2]?.end()
    await delivering[Symbol.asyncDispose]()
    expect(commits.map(({ next }) => next)).toEqual([3, 5, 6])
  })

  it('are committed when the delivery is closed, and closing waits for that', async () => {
    const { delivering, commits, handled } = delivery(2)
    await vi.waitFor(() => expect(handled()).toBe(2))
    let isClosed = false
    const closing = delivering[Symbol.asyncDispose]().then(() => (isClosed = true))
    await vi.waitFor(() => expect(commits).toHaveLength(1))
    expect(commits[0]).toHaveProperty('next', 2)
    expect(isClosed).toBe(false)
    commits[0]?.end()
    await closing
  })

  it('are committed when the delivery is closed if the last commit failed', async () => {
    const { delivering, commits, errors } = delivery(2)
    await vi.waitFor(() => expect(commits).toHaveLength(1))
    commits[0]?.fail()
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    const closing = delivering[Symbol.asyncDispose]()
    await vi.waitFor(() => expect(commits).toHaveLength(2))
    expect(commits[1]).toHaveProperty('next', 2)
    commits[1]?.end()
    await closing
  })
})
