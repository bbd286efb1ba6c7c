import { describe, expect, it } from 'vitest'
import { createInbox } from '../../../../shared/adapters/kafka/consume/inbox.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const recordWith = (headers: LogRecord['headers']): LogRecord => ({
  topic: 'orders',
  partition: 0,
  offset: 0,
  timestamp: 0,
  key: null,
  value: null,
  headers,
})

describe('the inbox', () => {
  it.each<[what: string, headers: LogRecord['headers']]>([
    ['headers, even empty ones', Array.from({ length: 30_000 }, () => ['', null] as const)],
    ['names of headers', [['x'.repeat(3 * 1024 * 1024), null]]],
  ])('is full by %s', (_, headers) => {
    const inbox = createInbox(10)
    inbox.add(
      0,
      Array.from({ length: 6 }, () => recordWith(headers)),
      6,
    )
    expect(inbox.isFull(0)).toBe(true)
    inbox.take()
    expect(inbox.isFull(0)).toBe(false)
  })

  it('gives at most 8 MiB at a time, but always at least one record', () => {
    const inbox = createInbox(10)
    const sizes = [9, 5, 1, 3, 6, 1]
    const records = sizes.map((size, offset) => ({ ...recordWith([['x'.repeat(size * 1024 * 1024), null]]), offset }))
    inbox.add(0, records, sizes.length)
    const taken = () => inbox.take().records.map(({ offset }) => sizes[offset])
    expect([taken(), taken(), taken(), taken()]).toEqual([[9], [5, 1], [3], [6, 1]])
  })

  it('is full by the records of all partitions together, but not for a partition that has none', () => {
    const inbox = createInbox(1000)
    const records = Array.from({ length: 3000 }, () => recordWith([]))
    inbox.add(0, records, 3000)
    expect([inbox.isFull(0), inbox.hasRoom]).toEqual([false, true])
    inbox.add(1, records, 3000)
    expect([inbox.isFull(0), inbox.isFull(1), inbox.isFull(2), inbox.hasRoom]).toEqual([true, true, false, false])
  })

  it('has room again once a batch has been taken, so that fetching resumes long before the last records are taken', () => {
    const inbox = createInbox(1000)
    inbox.add(
      0,
      Array.from({ length: 6000 }, () => recordWith([])),
      6000,
    )
    expect(inbox.hasRoom).toBe(false)
    inbox.take()
    expect([inbox.hasRoom, inbox.isFull(0)]).toEqual([true, false])
  })
})
