import { NEW_ORDER_TYPE } from '../domain/order-events.ts'
import { HEADER, SPRING_PREFIX } from '../messaging/records/headers.ts'
import type { JsonObject } from './schemas/schemas.ts'

/** What the headers of records say, by name. Values are UTF-8 text unless the description says otherwise. */

function text(description: string, more: JsonObject = {}): JsonObject {
  return { type: 'string', description, ...more }
}

const wholeNumber = { pattern: String.raw`^\d+$` }
const instant = { format: 'date-time' }

/** Of the event, in CloudEvents' binary mode. */
const EVENT: Readonly<Record<string, JsonObject>> = {
  [HEADER.contentType]: text('Of the value.', { const: 'application/json' }),
  [HEADER.specVersion]: text('Of CloudEvents.', { const: '1.0' }),
  [HEADER.id]: text('The order id, which is the key too.', { format: 'uuid' }),
  [HEADER.type]: text('The event and its version.', { const: NEW_ORDER_TYPE }),
  [HEADER.source]: text('Who published it.', { format: 'uri-reference' }),
  [HEADER.time]: text('When the order was accepted.', instant),
  [HEADER.subject]: text('The order id.', { format: 'uuid' }),
}

const EVENT_OPTIONAL: Readonly<Record<string, JsonObject>> = {
  [HEADER.idempotencyKeyHash]: text('SHA-256 in hex of the Idempotency-Key, when there was one.'),
  [HEADER.trace]: text('The trace of this hop (W3C Trace Context).'),
  [HEADER.traceState]: text('What others say of that trace (W3C Trace Context).'),
  [HEADER.startingTrace]: text('The trace of the request that placed the order; it never changes.'),
  [HEADER.redriveOf]: text('The id of the dead letter whose redrive this is.'),
  [HEADER.supersedes]: text('The id of the dead letter that an operator mended; this takes its place.'),
}

/** Only in the orders topic: a copy has none. */
const PROOF = text('Proves the two headers of a redrive: HMAC-SHA-256 in hex. Without it they say nothing.')

/** Of a parked record: its journey. The original's key, value and headers stay as they were. */
const JOURNEY: Readonly<Record<string, JsonObject>> = {
  [HEADER.originTopic]: text('Where the original is.'),
  [HEADER.originPartition]: text('Where the original is.', wholeNumber),
  [HEADER.originOffset]: text('Where the original is.', wholeNumber),
  [HEADER.originTimestamp]: text('Of the original, in milliseconds since 1970.', { pattern: String.raw`^-?\d+$` }),
  [HEADER.attempt]: text('Deliveries that failed so far.', wholeNumber),
  [HEADER.maxAttempts]: text('The most that there will be.', wholeNumber),
  [HEADER.firstCode]: text('What failed first: a code of docs/errors.md.'),
  [HEADER.firstDetail]: text('The same in words.'),
  [HEADER.firstAt]: text('When.', instant),
  [HEADER.lastCode]: text('What failed last.'),
  [HEADER.lastDetail]: text('The same in words.'),
  [HEADER.lastAt]: text('When.', instant),
  [HEADER.fingerprint]: text('The same for failures of the same kind.'),
  [HEADER.group]: text('The consumer group that failed.'),
  [spring('original-topic')]: text('As Spring Kafka names it.'),
  [spring('original-partition')]: text('As Spring Kafka encodes it: a big-endian 32-bit integer.'),
  [spring('original-offset')]: text('As Spring Kafka encodes it: a big-endian 64-bit integer.'),
  [spring('original-timestamp')]: text('As Spring Kafka encodes it: a big-endian 64-bit integer.'),
  [spring('original-timestamp-type')]: text('As Spring Kafka names it, by the settings of the original’s topic.', {
    enum: ['CreateTime', 'LogAppendTime'],
  }),
  [spring('original-consumer-group')]: text('As Spring Kafka names it.'),
  [spring('exception-fqcn')]: text('What failed last: a code of docs/errors.md.'),
  [spring('exception-message')]: text('The same in words.'),
}

const JOURNEY_OPTIONAL: Readonly<Record<string, JsonObject>> = {
  [HEADER.stack]: text('Of the last failure, at most 8 KiB.'),
  [HEADER.stub]: text('There when the record was too large to park: the value is null and stays at the origin.'),
  [spring('exception-stacktrace')]: text('As Spring Kafka names it.'),
}

const NOT_BEFORE = text('When the next attempt is due, in milliseconds since 1970.', wholeNumber)

function spring(name: string): string {
  return `${SPRING_PREFIX}${name}`
}

export function eventHeaders(): JsonObject {
  return headers(EVENT, { ...EVENT_OPTIONAL, [HEADER.redriveProof]: PROOF })
}

/** Nothing of the event is required: whatever could not be read is parked with the headers that it had. */
export function retryHeaders(): JsonObject {
  return headers({ ...JOURNEY, [HEADER.notBefore]: NOT_BEFORE }, { ...EVENT, ...EVENT_OPTIONAL, ...JOURNEY_OPTIONAL })
}

export function deadLetterHeaders(): JsonObject {
  return headers(JOURNEY, { ...EVENT, ...EVENT_OPTIONAL, ...JOURNEY_OPTIONAL })
}

function headers(required: Readonly<Record<string, JsonObject>>, optional: Readonly<Record<string, JsonObject>>) {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } }
}
