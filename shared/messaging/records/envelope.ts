import { OrderError } from '../../domain/errors.ts'
import { issuedAt, parseOrderId } from '../../domain/order-id.ts'
import { bodyHash, NEW_ORDER_TYPE, newOrderJson, readNewOrderData, type NewOrder } from '../../domain/order-events.ts'
import { knownTime, UNKNOWN_TIME } from '../../domain/times.ts'
import type { LogRecord, RecordHeader, RecordPosition, RecordToPublish } from '../../ports/event-log.ts'
import type { OrderToStore } from '../../ports/order-store.ts'
import { decodeUtf8, HEADER, headerText } from './headers.ts'
import { toBinaryMode } from './structured-event.ts'
import { isTraceparent } from './traceparent.ts'

/**
 * NewOrder on the wire: CloudEvents 1.0, binary mode (cloudevents/bindings/kafka-protocol-binding.md). The value is the
 * JSON data alone and its attributes are headers. The key is the order id, so that one order keeps its partition. Other
 * producers may send structured mode.
 */
const SOURCE = '/orders'
/** As `Date.toISOString` writes it, and therefore this product. */
const CANONICAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const JSON_CONTENT_TYPE = 'application/json'
const EXPECTED =
  `Expected is a CloudEvent ${NEW_ORDER_TYPE}: in binary mode with the headers ce_id and ce_type, or in structured mode ` +
  'with the content-type application/cloudevents+json.'

/**
 * Takes the request's `traceparent` and `tracestate` only if they are valid, because a malformed traceparent harms other
 * consumers.
 */
export function toMessage(
  event: NewOrder,
  json: string,
  traceparent: string | undefined,
  tracestate?: string,
): RecordToPublish {
  const headers: RecordHeader[] = [
    [HEADER.contentType, JSON_CONTENT_TYPE],
    [HEADER.specVersion, '1.0'],
    [HEADER.id, event.orderId],
    [HEADER.type, NEW_ORDER_TYPE],
    [HEADER.source, SOURCE],
    [HEADER.time, event.acceptedAt],
    [HEADER.subject, event.orderId],
  ]
  if (event.idempotencyKeyHash !== null) headers.push([HEADER.idempotencyKeyHash, event.idempotencyKeyHash])
  if (traceparent !== undefined) headers.push([HEADER.trace, traceparent], [HEADER.startingTrace, traceparent])
  if (tracestate !== undefined) headers.push([HEADER.traceState, tracestate])
  return { key: event.orderId, value: json, headers, timestamp: Date.parse(event.acceptedAt) }
}

/**
 * The order in a record, ready to be stored. `origin` is the place of the original: the record's own, or for a copy in a
 * retry topic the one in its headers.
 * Throws `undecodable-record`, `unknown-event` or `invalid-order`, all poison.
 */
export function fromMessage(message: LogRecord, origin: RecordPosition): OrderToStore {
  const record = inBinaryMode(message)
  const orderId = orderIdOf(record)
  if (orderId === undefined) {
    throw new OrderError('undecodable-record', `Neither the id of an event nor the key is an order id. ${EXPECTED}`)
  }
  const json = parseJson(record.value)
  const type = headerText(record, HEADER.type)
  if (type === undefined) throw new OrderError('unknown-event', `The record names no type of event. ${EXPECTED}`)
  const order = readNewOrderData(type, json)
  return {
    origin,
    orderId,
    acceptedAt: acceptedAtOf(record),
    order,
    bodyHash: bodyHash(newOrderJson(order)),
    idempotencyKeyHash: headerText(record, HEADER.idempotencyKeyHash) ?? null,
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
    supersedes: headerText(record, HEADER.supersedes) ?? null,
  }
}

/** The header `ce_type` means binary mode. It is checked first, because nearly all records have it. */
function inBinaryMode(record: LogRecord): LogRecord {
  return headerText(record, HEADER.type) === undefined ? (toBinaryMode(record) ?? record) : record
}

/** The id of the record's order, even if its value cannot be read: the id of its event, else the key. */
export function orderIdOf(message: LogRecord): string | undefined {
  const record = headerText(message, HEADER.id) === undefined ? inBinaryMode(message) : message
  const id = headerText(record, HEADER.id) ?? (record.key === null ? undefined : decodeUtf8(record.key))
  return id === undefined ? undefined : parseOrderId(id)
}

/**
 * When the order was accepted: the time of its event, else the record's own time, else the time in its id, else
 * `UNKNOWN_TIME`. Depends on the record alone, so that a rebuild gets the same result.
 */
export function acceptedAtOf(record: LogRecord): string {
  const text = headerText(record, HEADER.time) ?? headerText(inBinaryMode(record), HEADER.time) ?? ''
  const time = knownTime(Date.parse(text))
  if (time !== undefined) return CANONICAL_TIME.test(text) ? text : new Date(time).toISOString()
  const otherwise = knownTime(record.timestamp) ?? knownTime(issuedMs(record))
  return otherwise === undefined ? UNKNOWN_TIME : new Date(otherwise).toISOString()
}

function issuedMs(record: LogRecord): number {
  const orderId = orderIdOf(record)
  return (orderId === undefined ? undefined : issuedAt(orderId)?.getTime()) ?? Number.NaN
}

/** The valid trace of this hop, if there is one. */
export function traceparentOf(record: LogRecord): string | undefined {
  const traceparent = headerText(record, HEADER.trace)
  return traceparent !== undefined && isTraceparent(traceparent) ? traceparent : undefined
}

function parseJson(value: Uint8Array | null): unknown {
  if (value === null) throw new OrderError('undecodable-record', 'The record has no value.')
  const text = decodeUtf8(value)
  if (text === undefined) throw new OrderError('undecodable-record', 'The value is not UTF-8.')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OrderError('undecodable-record', 'The value is not JSON.', { cause: error })
  }
}
