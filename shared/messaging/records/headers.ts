import { isUtf8 } from 'node:buffer'
import type { LogRecord, RecordHeader, TimestampType } from '../../ports/event-log.ts'
import { isTraceparent, isTracestate } from './traceparent.ts'

/**
 * All header names. Events use the headers of CloudEvents 1.0 in Kafka's binary mode. The journey through retry topics
 * and the DLT uses our own headers, as strings that every tool can display, and Spring Kafka's `kafka_dlt-*` headers in
 * Spring's encoding, because user interfaces with a redrive function expect those.
 */
export const HEADER = {
  contentType: 'content-type',
  specVersion: 'ce_specversion',
  id: 'ce_id',
  type: 'ce_type',
  source: 'ce_source',
  time: 'ce_time',
  subject: 'ce_subject',
  idempotencyKeyHash: 'ce_idempotencykeyhash',
  /**
   * The traceparent with which the journey began. It is never updated (CloudEvents distributed tracing). `trace` holds
   * the traceparent of the latest hop.
   */
  startingTrace: 'ce_traceparent',
  trace: 'traceparent',
  traceState: 'tracestate',

  originTopic: 'oep-origin-topic',
  originPartition: 'oep-origin-partition',
  originOffset: 'oep-origin-offset',
  originTimestamp: 'oep-origin-timestamp',
  attempt: 'oep-attempt',
  maxAttempts: 'oep-max-attempts',
  notBefore: 'oep-not-before',
  firstCode: 'oep-first-failure-code',
  firstDetail: 'oep-first-failure-detail',
  firstAt: 'oep-first-failure-at',
  lastCode: 'oep-last-failure-code',
  lastDetail: 'oep-last-failure-detail',
  lastAt: 'oep-last-failure-at',
  fingerprint: 'oep-failure-fingerprint',
  stack: 'oep-failure-stack',
  group: 'oep-consumer-group',
  /** Marks a copy that has no value because the original was too large. Such a copy merely names its origin. */
  stub: 'oep-stub',
  redriveOf: 'oep-redrive-of',
  supersedes: 'oep-supersedes',
  /** Makes the two headers above valid in the orders topic (redrive-proof.ts). Copies of the record omit the proof. */
  redriveProof: 'oep-redrive-proof',
} as const

export const OWN_PREFIX = 'oep-'
export const SPRING_PREFIX = 'kafka_dlt-'
export const SPRING_TIMESTAMP_TYPE = `${SPRING_PREFIX}original-timestamp-type`
const KEPT_ON_REDRIVE: ReadonlySet<string> = new Set([HEADER.redriveOf, HEADER.supersedes])

/** The text of the last header with that name, as in Kafka; undefined if the header is absent, null or not UTF-8. */
export function headerText(record: Pick<LogRecord, 'headers'>, name: string): string | undefined {
  for (let index = record.headers.length - 1; index >= 0; index -= 1) {
    const header = record.headers[index]
    if (header !== undefined && header[0] === name) return header[1] === null ? undefined : decodeUtf8(header[1])
  }
  return undefined
}

/**
 * The record's headers without those that parking added, so that they do not accumulate from hop to hop. Another
 * producer's malformed `traceparent` is removed, because it may make the Kafka extension skip a whole batch. A
 * `tracestate` is removed if it is malformed or if there is no valid `traceparent` (W3C Trace Context).
 */
export function originalHeaders<Value extends Uint8Array | string | null>(
  headers: readonly (readonly [name: string, value: Value])[],
): (readonly [name: string, value: Value])[] {
  const isInTrace = headers.some(([name, value]) => name === HEADER.trace && isText(value, isTraceparent))
  return headers.filter(([name, value]) => {
    if (name === HEADER.trace) return isText(value, isTraceparent)
    if (name === HEADER.traceState) return isInTrace && isText(value, isTracestate)
    return KEPT_ON_REDRIVE.has(name) || !(name.startsWith(OWN_PREFIX) || name.startsWith(SPRING_PREFIX))
  })
}

function isText(value: Uint8Array | string | null, isOne: (text: string) => boolean): boolean {
  const text = value instanceof Uint8Array ? decodeUtf8(value) : (value ?? undefined)
  return text !== undefined && isOne(text)
}

/** Spring Kafka's encoding: names as text, numbers as big-endian integers. */
export function springHeaders(parked: {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: TimestampType
  groupId: string
  code: string
  detail: string
  stack: string | null
}): RecordHeader[] {
  const partition = Buffer.alloc(4)
  partition.writeInt32BE(parked.partition)
  return [
    [`${SPRING_PREFIX}original-topic`, parked.topic],
    [`${SPRING_PREFIX}original-partition`, partition],
    [`${SPRING_PREFIX}original-offset`, bigEndian64(parked.offset)],
    [`${SPRING_PREFIX}original-timestamp`, bigEndian64(parked.timestamp)],
    [SPRING_TIMESTAMP_TYPE, parked.timestampType],
    [`${SPRING_PREFIX}original-consumer-group`, parked.groupId],
    [`${SPRING_PREFIX}exception-fqcn`, parked.code],
    [`${SPRING_PREFIX}exception-message`, parked.detail],
    ...(parked.stack === null ? [] : [[`${SPRING_PREFIX}exception-stacktrace`, parked.stack] as const]),
  ]
}

const MAX_INT64 = 2n ** 63n - 1n

/** Numbers beyond 2^53 are rounded; the largest timestamps round to a number that does not fit into 64 bits. */
function bigEndian64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  const whole = BigInt(value)
  bytes.writeBigInt64BE(whole > MAX_INT64 ? MAX_INT64 : whole)
  return bytes
}

/** Decodes UTF-8; undefined for any other bytes. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  // This is called for several headers of every record, and a TextDecoder with `fatal` set would be four times as
  // expensive.
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8') : undefined
}
