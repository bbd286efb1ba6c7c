import { CHANGE_TYPES, NEW_ORDER_TYPE } from '../domain/order-events.ts'
import { HEADER, SPRING_PREFIX } from '../messaging/records/headers.ts'
import type { JsonObject } from './schemas/schemas.ts'

/** Descriptions of record headers. Values are UTF-8 text unless the description specifies otherwise. */

function text(description: string, more: JsonObject = {}): JsonObject {
  return { type: 'string', description, ...more }
}

const wholeNumber = { pattern: String.raw`^\d+$` }
const instant = { format: 'date-time' }

const ORDER_EVENT = text('The order id, which is also the key.', { format: 'uuid' })
const CHANGE_EVENT = text('The id of the change.', { format: 'uuid' })
const ANY_EVENT = text('The order id, or the id of the change.', { format: 'uuid' })
const EVERY_TYPE = [NEW_ORDER_TYPE, CHANGE_TYPES.amend, CHANGE_TYPES.cancel]

/** An event's headers in CloudEvents' binary mode. */
const EVENT: Readonly<Record<string, JsonObject>> = {
  [HEADER.contentType]: text('The media type of the value.', { const: 'application/json' }),
  [HEADER.specVersion]: text('The version of CloudEvents.', { const: '1.0' }),
  [HEADER.id]: ANY_EVENT,
  [HEADER.type]: text('The event and its version.', { enum: EVERY_TYPE }),
  [HEADER.source]: text('The publisher.', { format: 'uri-reference' }),
  [HEADER.time]: text('When the order or the change was accepted.', instant),
  [HEADER.subject]: text('The order id, which is the key.', { format: 'uuid' }),
}

const EVENT_OPTIONAL: Readonly<Record<string, JsonObject>> = {
  [HEADER.idempotencyKeyHash]: text('SHA-256 of the Idempotency-Key in hex, if the request had one.'),
  [HEADER.trace]: text('The trace of this hop (W3C Trace Context).'),
  [HEADER.traceState]: text('Vendor-specific data for that trace (W3C Trace Context).'),
  [HEADER.startingTrace]: text('The trace of the request that placed or changed the order. It never changes.'),
  [HEADER.redriveOf]: text('The id of the dead letter that was redriven as this record.'),
  [HEADER.supersedes]: text('The id of the dead letter that an operator edited. This record replaces it.'),
}

/** Only redriven records in the orders topic have this header; parked copies do not. */
const PROOF = text(
  'HMAC-SHA-256 in hex, which proves that the two headers of a redrive are genuine. Without it, both are ignored.',
)

/** The headers that say where a parked record has been. The original's key, value and headers stay unchanged. */
const JOURNEY: Readonly<Record<string, JsonObject>> = {
  [HEADER.originTopic]: text('The topic of the original.'),
  [HEADER.originPartition]: text('The partition of the original.', wholeNumber),
  [HEADER.originOffset]: text('The offset of the original.', wholeNumber),
  [HEADER.originTimestamp]: text('The timestamp of the original, in milliseconds since 1970.', {
    pattern: String.raw`^-?\d+$`,
  }),
  [HEADER.attempt]: text('The number of deliveries that have failed so far.', wholeNumber),
  [HEADER.maxAttempts]: text('The maximum number of deliveries.', wholeNumber),
  [HEADER.firstCode]: text('The cause of the first failure, a code from docs/errors.md.'),
  [HEADER.firstDetail]: text('The cause of the first failure, in words.'),
  [HEADER.firstAt]: text('The time of the first failure.', instant),
  [HEADER.lastCode]: text('The cause of the last failure.'),
  [HEADER.lastDetail]: text('The cause of the last failure, in words.'),
  [HEADER.lastAt]: text('The time of the last failure.', instant),
  [HEADER.fingerprint]: text('A key that is the same for all failures of one kind.'),
  [HEADER.group]: text('The consumer group in which the record failed.'),
  [spring('original-topic')]: text('The topic of the original, under Spring Kafka’s name for this header.'),
  [spring('original-partition')]: text(
    'The partition of the original, as Spring Kafka encodes it: a big-endian 32-bit integer.',
  ),
  [spring('original-offset')]: text(
    'The offset of the original, as Spring Kafka encodes it: a big-endian 64-bit integer.',
  ),
  [spring('original-timestamp')]: text(
    'The timestamp of the original, as Spring Kafka encodes it: a big-endian 64-bit integer.',
  ),
  [spring('original-timestamp-type')]: text(
    'The timestamp type of the original record’s topic, as Spring Kafka names it.',
    {
      enum: ['CreateTime', 'LogAppendTime'],
    },
  ),
  [spring('original-consumer-group')]: text(
    'The consumer group in which the record failed, under Spring Kafka’s name for this header.',
  ),
  [spring('exception-fqcn')]: text('The cause of the last failure, a code from docs/errors.md.'),
  [spring('exception-message')]: text('The cause of the last failure, in words.'),
}

const JOURNEY_OPTIONAL: Readonly<Record<string, JsonObject>> = {
  [HEADER.stack]: text('The stack trace of the last failure, at most 8 KiB.'),
  [HEADER.stub]: text(
    'Present if the record was too large to park. The value of this copy is null; only the original has the value.',
  ),
  [spring('exception-stacktrace')]: text(
    'The stack trace of the last failure, under Spring Kafka’s name for this header.',
  ),
}

const NOT_BEFORE = text('When the next attempt is due, in milliseconds since 1970.', wholeNumber)

function spring(name: string): string {
  return `${SPRING_PREFIX}${name}`
}

/** The headers of this type of event in the orders topic. */
export function eventHeaders(type: string): JsonObject {
  const ofType = {
    [HEADER.id]: type === NEW_ORDER_TYPE ? ORDER_EVENT : CHANGE_EVENT,
    [HEADER.type]: text('The event and its version.', { const: type }),
  }
  return headers({ ...EVENT, ...ofType }, { ...EVENT_OPTIONAL, [HEADER.redriveProof]: PROOF })
}

/** The event headers are optional, because an unreadable record is parked with whatever headers it had. */
export function retryHeaders(): JsonObject {
  return headers({ ...JOURNEY, [HEADER.notBefore]: NOT_BEFORE }, { ...EVENT, ...EVENT_OPTIONAL, ...JOURNEY_OPTIONAL })
}

export function deadLetterHeaders(): JsonObject {
  return headers(JOURNEY, { ...EVENT, ...EVENT_OPTIONAL, ...JOURNEY_OPTIONAL })
}

function headers(required: Readonly<Record<string, JsonObject>>, optional: Readonly<Record<string, JsonObject>>) {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } }
}
