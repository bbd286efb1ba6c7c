import { describe, expect, test, vi } from 'vitest'
import { createStoreRetries } from '../../../shared/application/processing/store-retries.ts'
import { fromKafkaEvents, type KafkaEvent } from '../../../shared/messaging/records/kafka-event.ts'
import { HEADER } from '../../../shared/messaging/records/headers.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const MILLION = 1_000_000

function event(offset: number, value: string, headers: KafkaEvent['Headers'] = []): KafkaEvent {
  return {
    Offset: offset,
    Partition: 0,
    Topic: 'orders',
    Timestamp: '2026-01-01T00:00:00Z',
    Value: value,
    Headers: headers,
  }
}

const offsetsOf = (events: KafkaEvent[]) =>
  [...fromKafkaEvents(events)].map((portion) => portion.map(({ offset }) => offset))

describe('a delivery', () => {
  test('is one portion as long as it is small, and stays as it was', () => {
    const events = Array.from({ length: 1000 }, (_, offset) => event(offset, 'x'.repeat(1500)))
    const given = [...events]
    expect(offsetsOf(events)).toEqual([given.map(({ Offset }) => Offset)])
    expect(events).toEqual(given)
  })

  test('is split where a portion would be too large, in order, with nothing left out', () => {
    const values = [0.5, 0.5, 0.5, 0.7, 1.5, 3, 0.1]
    const events = values.map((millions, offset) => event(offset, 'x'.repeat(millions * MILLION)))
    expect(offsetsOf(events)).toEqual([[0, 1, 2], [3], [4], [5], [6]])
  })

  test('is split by the size of headers and keys too', () => {
    const large = { Key: 'large', Value: 'x'.repeat(1.5 * MILLION) }
    const keyed = { ...event(2, ''), Key: 'x'.repeat(1.5 * MILLION) }
    expect(offsetsOf([event(0, '', [large]), event(1, '', [large]), keyed])).toEqual([[0], [1], [2]])
  })

  test('releases a portion when the next is requested', () => {
    const events = [event(0, 'x'.repeat(2 * MILLION)), event(1, 'x'.repeat(2 * MILLION))]
    const portions = fromKafkaEvents(events)
    portions.next()
    expect(events[0]?.Value).toHaveLength(2 * MILLION)
    portions.next()
    expect(events[0]?.Value).toBeNull()
    expect(events[1]?.Value).toHaveLength(2 * MILLION)
  })

  test('of another form is refused', () => {
    expect(() => fromKafkaEvents('text').next()).toThrow(/cardinality MANY and dataType string/)
    expect(() => fromKafkaEvents([{ Offset: '1' }]).next()).toThrow(/cardinality MANY and dataType string/)
  })
})

test('a retry that is due in the year 9999 waits for its delay once per delivery, not once per portion', async () => {
  const clock = createVirtualClock()
  const storeRetries = createStoreRetries({
    storeOrders: vi.fn(async () => undefined),
    delayMs: 60_000,
    clock,
    signal: new AbortController().signal,
  })
  const notBefore = Buffer.from(String(Date.UTC(9999, 0))).toString('base64')
  const place = [HEADER.originTopic, HEADER.originPartition, HEADER.originOffset].map((name, index) => ({
    Key: name,
    Value: Buffer.from(index === 0 ? 'orders' : '1').toString('base64'),
  }))
  const headers = [...place, { Key: HEADER.notBefore, Value: notBefore }]
  const deliveredAt = clock.now()
  const events = [0, 1, 2].map((offset) => event(offset, 'x'.repeat(2 * MILLION), headers))
  for (const portion of fromKafkaEvents(events)) await storeRetries(portion, deliveredAt)
  expect(clock.now() - deliveredAt).toBe(60_000)
})
