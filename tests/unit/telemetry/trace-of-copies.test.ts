import { describe, expect, it } from 'vitest'
import { classify } from '../../../shared/messaging/failure.ts'
import { nextJourney, toParked, type ParkedSize } from '../../../shared/messaging/parking/parking.ts'
import { toEdited, toRedriven } from '../../../shared/messaging/parking/redriven-record.ts'
import type { KeptDeadLetter } from '../../../shared/ports/dead-letters.ts'
import type { LogRecord, RecordToPublish } from '../../../shared/ports/event-log.ts'
import { foreignLetterOf, letterOf, orderAt } from '../../contract/store-fixtures.ts'
import { delivered, messageOf } from '../../support/orders/orders.ts'

/**
 * Other producers' records are copied with their headers, but an invalid trace header may make the Kafka extension skip
 * a whole batch.
 */

type Headers = LogRecord['headers']
const TRACES = new Set(['traceparent', 'tracestate'])
const TRACE = ['traceparent', Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')] as const
const STATE = ['tracestate', Buffer.from('rojo=00f067aa0ba902b7, 1a@congo=t61rcWkgMzE,')] as const

function parkedOf(headers: Headers, notBefore: number | null, size: ParkedSize = 'whole'): RecordToPublish {
  const record = { ...delivered(messageOf(), { offset: 7 }), headers }
  const journey = nextJourney(record, classify(new TypeError('a fault of ours')), {
    attempt: 1,
    maxAttempts: 4,
    notBefore,
    groupId: 'order-processor',
    nowMs: Date.UTC(2026, 0, 1),
    timestampType: 'CreateTime',
  })
  return toParked(record, journey, size)
}

function kept(headers: Headers, letter = letterOf(orderAt(0))): KeptDeadLetter {
  return { ...letter, headers, id: 'a letter', state: 'dead', keptAt: '', editedValue: null }
}

/** Every kind of copy that the product makes of a record or a letter with these headers. */
const COPIES: Readonly<Record<string, (headers: Headers) => RecordToPublish>> = {
  'a retry': (headers) => parkedOf(headers, Date.UTC(2026, 0, 2)),
  'a dead letter': (headers) => parkedOf(headers, null),
  'a dead letter without its stack': (headers) => parkedOf(headers, null, 'without stack'),
  'a stub': (headers) => parkedOf(headers, null, 'stub'),
  'a redrive': (headers) => toRedriven(kept(headers)),
  'a redrive of another consumer’s letter': (headers) => toRedriven(kept(headers, foreignLetterOf(orderAt(0), 7))),
  'an edited redrive': (headers) => toEdited(kept(headers), Buffer.from('{}')),
}

function tracesIn(copy: RecordToPublish): Headers {
  return copy.headers.flatMap(([name, value]) =>
    TRACES.has(name) ? [[name, value === null ? null : Buffer.from(value)] as const] : [],
  )
}

describe.each(Object.entries(COPIES))('%s', (copy, of) => {
  it('continues a valid trace, unless it has no headers of the original', () => {
    expect(tracesIn(of([TRACE, STATE]))).toEqual(copy === 'a stub' ? [] : [TRACE, STATE])
  })

  it.each([
    ['null', null],
    ['empty', Buffer.from('')],
    ['too short', Buffer.from('00-0-0-00')],
    ['not UTF-8', Buffer.from([0xff])],
  ])('does not carry on a traceparent that is %s, nor the tracestate that comes with it', (_, value) => {
    expect(tracesIn(of([['traceparent', value], STATE]))).toEqual([])
  })

  it.each([
    ['null', null],
    ['not UTF-8', Buffer.from([0xff])],
    ['no list', Buffer.from('rojo')],
    ['without a key', Buffer.from('=1')],
    ['with a key in capitals', Buffer.from('Rojo=1')],
    ['not in ASCII', Buffer.from('rojo=é')],
    ['on two lines', Buffer.from('rojo=1,\ncongo=2')],
    ['longer than 32 members', Buffer.from(Array.from({ length: 33 }, (_, n) => `m${n}=1`).join(','))],
  ])('does not carry on a tracestate that is %s', (_, value) => {
    expect(tracesIn(of([TRACE, ['tracestate', value]]))).toEqual(copy === 'a stub' ? [] : [TRACE])
  })

  it('has no tracestate without a traceparent', () => {
    expect(tracesIn(of([STATE]))).toEqual([])
  })
})
