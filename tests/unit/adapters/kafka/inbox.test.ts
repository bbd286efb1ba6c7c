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
    inbox.add(0, [recordWith(headers)], 1)
    expect(inbox.isFull(0)).toBe(true)
    inbox.take()
    expect(inbox.isFull(0)).toBe(false)
  })
})
