import { OrderError } from '../../domain/errors.ts'
import type { ChangeKind } from '../../domain/changes/order-changes.ts'
import { forgetChange, forgetOrder } from '../../domain/forgetting/forgotten-data.ts'
import { forgottenMark, withPlaceholders } from '../../domain/forgetting/forgotten-records.ts'
import { issuedAt, parseOrderId } from '../../domain/order-id.ts'
import {
  bodyHash,
  CHANGE_TYPES,
  changeJson,
  changeKindOf,
  NEW_ORDER_TYPE,
  newOrderJson,
  type ChangeEvent,
  type NewOrder,
} from '../../domain/order-events.ts'
import { readChangeData, readNewOrderData } from '../../domain/validation/event-data.ts'
import { knownTime, UNKNOWN_TIME } from '../../domain/times.ts'
import type { LogRecord, RecordHeader, RecordPosition, RecordToPublish } from '../../ports/event-log.ts'
import type { LetterChange } from '../../ports/dead-letters.ts'
import type { ChangeToStore, OrderToStore } from '../../ports/order-store.ts'
import { decodeUtf8, HEADER, headerText } from './headers.ts'
import type { PublishedHere } from './published-here.ts'
import { toBinaryMode } from './structured-event.ts'
import { isTraceparent } from './traceparent.ts'

/**
 * Events on the wire: CloudEvents 1.0, binary mode (cloudevents/bindings/kafka-protocol-binding.md). The value contains
 * only the JSON data; the event's attributes are headers. The key is the order id, so that all events of one order stay
 * in one partition and in sequence. For NewOrder, `ce_id` is the order id. For a change, `ce_id` is the change's own id
 * and `ce_subject` the order id. Other producers may use structured mode.
 */
const SOURCE = '/orders'
/** The format of `Date.toISOString`, which this product uses for all times that it writes. */
const CANONICAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const JSON_CONTENT_TYPE = 'application/json'
/** The cause of a stub's failure if the log no longer has the original record. */
export const ORIGINAL_GONE =
  'The record was too large to be parked, so only its position was parked, and the log no longer has the record there.'

const EXPECTED =
  `Expected: a CloudEvent ${NEW_ORDER_TYPE} in binary mode with the headers ce_id and ce_type, or in structured mode ` +
  'with the content-type application/cloudevents+json.'

/**
 * The message for an accepted order. The caller passes a `traceparent` and a `tracestate` only if they are valid,
 * because a malformed traceparent harms other consumers.
 */
export function toMessage(
  event: NewOrder,
  json: string,
  traceparent: string | undefined,
  tracestate?: string,
): RecordToPublish {
  return message({ ...event, id: event.orderId, type: NEW_ORDER_TYPE }, json, traceparent, tracestate)
}

/** The message for an accepted change. */
export function toChangeMessage(
  event: ChangeEvent,
  json: string,
  traceparent: string | undefined,
  tracestate?: string,
): RecordToPublish {
  const { changeId: id, change } = event
  return message({ ...event, id, type: CHANGE_TYPES[change.kind] }, json, traceparent, tracestate)
}

function message(
  event: Pick<NewOrder, 'orderId' | 'acceptedAt' | 'idempotencyKeyHash'> & { id: string; type: string },
  json: string,
  traceparent: string | undefined,
  tracestate: string | undefined,
): RecordToPublish {
  const headers: RecordHeader[] = [
    [HEADER.contentType, JSON_CONTENT_TYPE],
    [HEADER.specVersion, '1.0'],
    [HEADER.id, event.id],
    [HEADER.type, event.type],
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
 * The event in a record, ready to be stored. `origin` is the original's position: the record's own, or, for a copy in a
 * retry topic, the position in its headers. Throws `undecodable-record`, `unknown-event`, `invalid-order` or
 * `invalid-change`, all of which are poison.
 *
 * An order in `published` is not validated again. Its JSON is what the reader would write, so it has the same hash.
 */
export function readEvent(
  message: LogRecord,
  origin: RecordPosition,
  published?: PublishedHere,
): OrderToStore | ChangeToStore {
  if (isBareStub(message)) throw new OrderError('undecodable-record', ORIGINAL_GONE)
  const { record, type } = typed(message)
  const kind = type === undefined ? undefined : changeKindOf(type)
  return kind === undefined ? readOrder(record, type, origin, published) : readChange(record, kind, origin)
}

/** Whether the record is a stub and the log no longer has its original value. */
export function isBareStub(record: Pick<LogRecord, 'headers' | 'value'>): boolean {
  return record.value === null && headerText(record, HEADER.stub) !== undefined
}

function readOrder(
  record: LogRecord,
  type: string | undefined,
  origin: RecordPosition,
  published: PublishedHere | undefined,
): OrderToStore {
  const orderId = idIn(record, HEADER.id)
  if (orderId === undefined) {
    throw new OrderError('undecodable-record', `Neither the event id nor the key is an order id. ${EXPECTED}`)
  }
  const text = textOf(record.value)
  const isOwn = type === NEW_ORDER_TYPE && published?.take(orderId, text) === true
  return {
    origin,
    orderId,
    acceptedAt: acceptedAtOf(record),
    ...(isOwn ? { json: text, bodyHash: bodyHash(text) } : orderIn(text, type)),
    idempotencyKeyHash: headerText(record, HEADER.idempotencyKeyHash) ?? null,
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
    supersedes: headerText(record, HEADER.supersedes) ?? null,
  }
}

/** Validates the order. An order without its personal data keeps the hash of its original JSON. */
function orderIn(text: string, type: string | undefined): Pick<OrderToStore, 'json' | 'bodyHash'> {
  const parsed = parseJson(text)
  if (type === undefined) throw new OrderError('unknown-event', `The record does not name an event type. ${EXPECTED}`)
  const mark = forgottenMark(parsed)
  const order = readNewOrderData(type, mark === undefined ? parsed : withPlaceholders(parsed))
  const json = newOrderJson(order)
  return mark === undefined
    ? { json, bodyHash: bodyHash(json) }
    : { json: newOrderJson(forgetOrder(order)), bodyHash: mark.bodyHash ?? bodyHash(json) }
}

function readChange(record: LogRecord, kind: ChangeKind, origin: RecordPosition): ChangeToStore {
  const changeId = changeIdIn(record)
  if (changeId === undefined) {
    throw new OrderError('undecodable-record', 'The event id is not a change id.')
  }
  const orderId = idIn(record, HEADER.subject)
  if (orderId === undefined) {
    throw new OrderError('undecodable-record', 'Neither the subject of the event nor the key is an order id.')
  }
  const json = parseJson(textOf(record.value))
  const mark = forgottenMark(json)
  const change = readChangeData(kind, mark === undefined ? json : withPlaceholders(json))
  return {
    origin,
    orderId,
    changeId,
    acceptedAt: acceptedAtOf(record),
    change: mark === undefined ? change : forgetChange(change),
    bodyHash: mark === undefined ? bodyHash(changeJson(change)) : null,
    idempotencyKeyHash: headerText(record, HEADER.idempotencyKeyHash) ?? null,
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
  }
}

/** Whether the event is a change. */
export function isChange(event: OrderToStore | ChangeToStore): event is ChangeToStore {
  return 'changeId' in event
}

/**
 * The change in the record, even if its value cannot be read. Undefined for any other record, and for a change without
 * a valid change id or order id.
 */
export function changeOf(message: LogRecord): LetterChange | undefined {
  const { record, type = '' } = typed(message)
  const kind = changeKindOf(type)
  if (kind === undefined || idIn(record, HEADER.subject) === undefined) return undefined
  const changeId = changeIdIn(record)
  return changeId === undefined ? undefined : { changeId, kind }
}

/**
 * The record in binary mode, and its type. Nearly all records have the `ce_type` header, so they are already in binary
 * mode.
 */
function typed(record: LogRecord): { record: LogRecord; type: string | undefined } {
  const type = headerText(record, HEADER.type)
  if (type !== undefined) return { record, type }
  const binary = toBinaryMode(record) ?? record
  return { record: binary, type: headerText(binary, HEADER.type) }
}

/**
 * The record's order id, even if the value cannot be read: the event's id (for a change, the event's subject),
 * otherwise the key. A change without its own id is treated as belonging to no order, so it does not hold up any order.
 */
export function orderIdOf(message: LogRecord): string | undefined {
  const { record, type = '' } = typed(message)
  if (changeKindOf(type) === undefined) return idIn(record, HEADER.id)
  return changeIdIn(record) === undefined ? undefined : idIn(record, HEADER.subject)
}

function changeIdIn(record: LogRecord): string | undefined {
  return parseOrderId(headerText(record, HEADER.id) ?? '')
}

/** The id in the header, or the one in the key if there is no such header. */
function idIn(record: LogRecord, header: string): string | undefined {
  const id = headerText(record, header) ?? (record.key === null ? undefined : decodeUtf8(record.key))
  return id === undefined ? undefined : parseOrderId(id)
}

/**
 * When the order was accepted: the event's time, otherwise the record's timestamp, otherwise the time in the id,
 * otherwise `UNKNOWN_TIME`. The result depends on the record alone, so that a rebuild reproduces it.
 */
export function acceptedAtOf(record: LogRecord): string {
  const text = headerText(record, HEADER.time) ?? headerText(typed(record).record, HEADER.time) ?? ''
  const time = knownTime(Date.parse(text))
  if (time !== undefined) return CANONICAL_TIME.test(text) ? text : new Date(time).toISOString()
  const otherwise = knownTime(record.timestamp) ?? knownTime(issuedMs(record))
  return otherwise === undefined ? UNKNOWN_TIME : new Date(otherwise).toISOString()
}

function issuedMs(record: LogRecord): number {
  const orderId = orderIdOf(record)
  return (orderId === undefined ? undefined : issuedAt(orderId)?.getTime()) ?? Number.NaN
}

/** The traceparent of this hop, if it is valid. */
export function traceparentOf(record: LogRecord): string | undefined {
  const traceparent = headerText(record, HEADER.trace)
  return traceparent !== undefined && isTraceparent(traceparent) ? traceparent : undefined
}

function textOf(value: Uint8Array | null): string {
  if (value === null) throw new OrderError('undecodable-record', 'The record has no value.')
  const text = decodeUtf8(value)
  if (text === undefined) throw new OrderError('undecodable-record', 'The value is not UTF-8.')
  return text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OrderError('undecodable-record', 'The value is not JSON.', { cause: error })
  }
}
