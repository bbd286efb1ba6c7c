import { NEW_ORDER_TYPE } from '../../domain/order-events.ts'
import type { KeptDeadLetter } from '../../ports/dead-letters.ts'
import type { RecordHeader, RecordToPublish } from '../../ports/event-log.ts'
import { describesFailure } from './foreign-letter.ts'
import { HEADER, originalHeaders } from '../records/headers.ts'

/**
 * The headers that mark a redriven record in the orders topic. A new redrive replaces earlier marks, so they do not
 * accumulate.
 */
const MARKS: ReadonlySet<string> = new Set([HEADER.redriveOf, HEADER.supersedes])
const DESCRIBES_THE_PAYLOAD: ReadonlySet<string> = new Set([
  HEADER.contentType,
  HEADER.specVersion,
  HEADER.type,
  HEADER.id,
])

/**
 * The original's bytes, key and headers, marked with the letter's id. The failure headers of a foreign letter are
 * omitted, because the consumer that failed would otherwise consider its attempts used up.
 */
export function toRedriven(letter: KeptDeadLetter): RecordToPublish {
  const isOfFailure = (name: string) => letter.foreign !== null && describesFailure(name)
  const headers: RecordHeader[] = originalHeaders(letter.headers).filter(
    ([name]) => !MARKS.has(name) && !isOfFailure(name),
  )
  return { key: letter.key, value: letter.value, headers: [...headers, [HEADER.redriveOf, letter.id]] }
}

/**
 * An operator's payload in place of the original: the same key and order id, with headers that describe the new
 * payload. If the order was dead-lettered because its Idempotency-Key belongs to another order, the new record has no
 * Idempotency-Key.
 */
export function toEdited(letter: KeptDeadLetter, value: Uint8Array): RecordToPublish {
  const { key, headers } = toRedriven(letter)
  const dropsKey = letter.lastCause.code === 'idempotency-key-reused'
  const kept = headers.filter(
    ([name]) => !DESCRIBES_THE_PAYLOAD.has(name) && !(dropsKey && name === HEADER.idempotencyKeyHash),
  )
  const described: RecordHeader[] = [
    [HEADER.contentType, 'application/json'],
    [HEADER.specVersion, '1.0'],
    [HEADER.type, NEW_ORDER_TYPE],
    ...(letter.orderId === null ? [] : [[HEADER.id, letter.orderId] as const]),
  ]
  return { key, value, headers: [...described, ...kept, [HEADER.supersedes, letter.id]] }
}
