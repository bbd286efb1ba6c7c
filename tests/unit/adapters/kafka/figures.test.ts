import { describe, expect, it } from 'vitest'
import { createFigures } from '../../../../shared/adapters/kafka/topics/figures.ts'
import type { Reader } from '../../../../shared/adapters/kafka/fetch/reader.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const recordAt = (offset: number): LogRecord => ({
  topic: 'orders',
  partition: 0,
  offset,
  timestamp: 0,
  key: null,
  value: null,
  headers: [],
})

/** A partition for which the test changes the records, the end offset and the committed offset between two requests. */
function openPartition() {
  const state = { committed: 0, end: 0, records: [] as number[], reads: 0, unreadable: false }
  const reader = {
    async read(_topic: string, _partition: number, from: number) {
      state.reads += 1
      if (state.unreadable) throw new OrderError('log-unreadable', 'The batch is unreadable.')
      return state.records.filter((offset) => offset >= from).map(recordAt)
    },
    highWatermarks: async () => new Map(),
  } satisfies Reader
  const admin = {
    offsets: async () => [{ partition: 0, first: 0, end: state.end }],
    committed: async () => new Map([[0, state.committed]]),
  }
  const figures = createFigures(admin, reader)
  return { state, ask: async () => (await figures.committed('group', 'orders')).get(0) }
}

describe('the committed position of a Kafka group', () => {
  it('is past the marker of a transaction once the group no longer moves', async () => {
    const { state, ask } = openPartition()
    Object.assign(state, { records: [0, 1], end: 3, committed: 1 })
    expect(await ask()).toBe(1)
    state.committed = 2
    expect(await ask()).toBe(2)
    expect([await ask(), await ask()]).toEqual([3, 3])
    // Nothing has moved since, so no lookup is needed.
    expect(state.reads).toBe(2)
  })

  it('is before a record that follows the marker', async () => {
    const { state, ask } = openPartition()
    Object.assign(state, { records: [0, 1], end: 3, committed: 2 })
    expect(await ask()).toBe(3)
    Object.assign(state, { records: [0, 1, 3], end: 4 })
    expect(await ask()).toBe(3)
  })

  it('is before a batch that cannot be read', async () => {
    const { state, ask } = openPartition()
    Object.assign(state, { end: 3, committed: 2, unreadable: true })
    expect(await ask()).toBe(2)
  })
})
