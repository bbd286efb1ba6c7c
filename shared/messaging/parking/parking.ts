import type { Cause } from '../../domain/order-view.ts'
import type { LogRecord, RecordHeader, RecordPosition, RecordToPublish, TimestampType } from '../../ports/event-log.ts'
import type { Failure } from '../failure.ts'
import { isBareStub } from '../records/envelope.ts'
import { HEADER, headerText, originalHeaders, springHeaders, SPRING_TIMESTAMP_TYPE } from '../records/headers.ts'

/**
 * A parked record has the original's key and value, byte for byte, and headers that describe its journey: its origin,
 * how many times it was tried, and its first and last errors. Each hop replaces these headers, so they do not
 * accumulate.
 */
export interface Journey {
  readonly origin: RecordPosition
  readonly originTimestamp: number
  readonly originTimestampType: TimestampType
  /**
   * The number of failed deliveries so far (including the one in the orders topic), and the maximum number of
   * deliveries.
   */
  readonly attempt: number
  readonly maxAttempts: number
  /** Unix time in ms; null in the dead-letter topic. */
  readonly notBefore: number | null
  readonly first: FailureNote
  readonly last: FailureNote
  readonly fingerprint: string
  readonly stack: string | null
  readonly groupId: string
}

export interface FailureNote {
  readonly cause: Cause
  /** RFC 3339. */
  readonly at: string
}

/** The journey of a record whose `attempt`-th delivery has just failed. */
export function nextJourney(
  record: LogRecord,
  failure: Failure,
  next: {
    /** The journey so far; absent for a first failure. */
    earlier?: Journey | undefined
    attempt: number
    maxAttempts: number
    notBefore: number | null
    groupId: string
    nowMs: number
    /** The timestamp type of the record's own topic. */
    timestampType: TimestampType
  },
): Journey {
  const { earlier } = next
  const last = { cause: failure.cause, at: new Date(next.nowMs).toISOString() }
  return {
    origin: earlier?.origin ?? placeOf(record),
    originTimestamp: earlier?.originTimestamp ?? record.timestamp,
    originTimestampType: earlier?.originTimestampType ?? next.timestampType,
    attempt: next.attempt,
    maxAttempts: next.maxAttempts,
    notBefore: next.notBefore,
    first: earlier?.first ?? last,
    last,
    fingerprint: failure.fingerprint,
    stack: failure.stack,
    groupId: next.groupId,
  }
}

/** Kafka's own limits: the maximum length of a topic name, and the INT32 range of a partition number. */
const MAX_TOPIC_LENGTH = 249
const MAX_PARTITION = 2_147_483_647

/** How much of a record is parked, depending on the maximum record size of the target topic. */
export type ParkedSize = 'whole' | 'without stack' | 'stub'

export function toParked(record: LogRecord, journey: Journey, size: ParkedSize = 'whole'): RecordToPublish {
  // A stub whose original cannot be read stays a stub, so that its dead letter says so.
  const isStub = size === 'stub' || isBareStub(record)
  const stack = size === 'whole' ? journey.stack : null
  const { topic, partition, offset } = journey.origin
  const headers: RecordHeader[] = [
    ...(size === 'stub' ? [] : originalHeaders(record.headers)),
    [HEADER.originTopic, topic],
    [HEADER.originPartition, String(partition)],
    [HEADER.originOffset, String(offset)],
    [HEADER.originTimestamp, String(journey.originTimestamp)],
    [HEADER.attempt, String(journey.attempt)],
    [HEADER.maxAttempts, String(journey.maxAttempts)],
    ...(journey.notBefore === null ? [] : [[HEADER.notBefore, String(journey.notBefore)] as const]),
    [HEADER.firstCode, journey.first.cause.code],
    [HEADER.firstDetail, journey.first.cause.detail],
    [HEADER.firstAt, journey.first.at],
    [HEADER.lastCode, journey.last.cause.code],
    [HEADER.lastDetail, journey.last.cause.detail],
    [HEADER.lastAt, journey.last.at],
    [HEADER.fingerprint, journey.fingerprint],
    ...(stack === null ? [] : [[HEADER.stack, stack] as const]),
    [HEADER.group, journey.groupId],
    ...(isStub ? [[HEADER.stub, 'the value stays at its origin'] as const] : []),
    ...springHeaders({
      topic,
      partition,
      offset,
      timestamp: journey.originTimestamp,
      timestampType: journey.originTimestampType,
      groupId: journey.groupId,
      code: journey.last.cause.code,
      detail: journey.last.cause.detail,
      stack,
    }),
  ]
  return { key: record.key, value: size === 'stub' ? null : record.value, headers }
}

/**
 * The journey of a record in a retry topic or the dead-letter topic; undefined if its headers describe none. Do not use
 * it for records in the orders topic, where these headers are left over from a copy (original-record.ts).
 */
export function readJourney(record: Pick<LogRecord, 'headers'>): Journey | undefined {
  const text = (name: string) => headerText(record, name)
  const origin = readOrigin(text)
  if (origin === undefined) return undefined
  const note = (code: string, detail: string, at: string): FailureNote => ({
    cause: { code: text(code) ?? 'internal', detail: text(detail) ?? '' },
    at: text(at) ?? new Date(0).toISOString(),
  })
  return {
    origin,
    originTimestamp: integer(text(HEADER.originTimestamp)) ?? 0,
    originTimestampType: text(SPRING_TIMESTAMP_TYPE) === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    attempt: wholeNumber(text(HEADER.attempt)) ?? 1,
    maxAttempts: wholeNumber(text(HEADER.maxAttempts)) ?? 1,
    notBefore: wholeNumber(text(HEADER.notBefore)) ?? null,
    first: note(HEADER.firstCode, HEADER.firstDetail, HEADER.firstAt),
    last: note(HEADER.lastCode, HEADER.lastDetail, HEADER.lastAt),
    fingerprint: text(HEADER.fingerprint) ?? '',
    stack: text(HEADER.stack) ?? null,
    groupId: text(HEADER.group) ?? '',
  }
}

/**
 * Undefined for a position that cannot exist in a log, because such a position must not be counted, looked up or
 * stored.
 */
function readOrigin(text: (name: string) => string | undefined): RecordPosition | undefined {
  const topic = text(HEADER.originTopic) ?? ''
  const partition = wholeNumber(text(HEADER.originPartition)) ?? Number.POSITIVE_INFINITY
  const offset = wholeNumber(text(HEADER.originOffset)) ?? Number.POSITIVE_INFINITY
  const isPlace =
    topic !== '' && topic.length <= MAX_TOPIC_LENGTH && partition <= MAX_PARTITION && offset <= Number.MAX_SAFE_INTEGER
  return isPlace ? { topic, partition, offset } : undefined
}

/** The position of a parked record's original: the one in its headers, otherwise the record's own. */
export function originOf(record: LogRecord): RecordPosition {
  return readJourney(record)?.origin ?? placeOf(record)
}

export function placeOf({ topic, partition, offset }: RecordPosition): RecordPosition {
  return { topic, partition, offset }
}

/** Any 64-bit integer, because timestamps have that range. */
function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,19}$/.test(text) ? Number(text) : undefined
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined
}
