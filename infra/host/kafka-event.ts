import type { LogRecord } from '../../shared/ports/event-log.ts'
import type { RpcLong, RpcTypedData } from './rpc.ts'

/** A record as the Kafka extension serialises it for `dataType: string` (KafkaEventDataConvertManager.cs). */
export interface KafkaEvent {
  readonly Offset: number
  readonly Partition: number
  readonly Topic: string
  readonly Timestamp: string
  readonly Value: string | null
  readonly LeaderEpoch: number
  readonly IsPartitionEOF: boolean
  readonly Key: string | null
  readonly Headers: readonly { readonly Key: string; readonly Value: string | null }[]
}

/** Text is decoded as UTF-8 with U+FFFD for what is none: bytes can be lost, as they are there. */
export function toKafkaEvent(record: LogRecord): KafkaEvent {
  return {
    Offset: record.offset,
    Partition: record.partition,
    Topic: record.topic,
    Timestamp: toTimestamp(record.timestamp),
    Value: text(record.value),
    LeaderEpoch: 0,
    IsPartitionEOF: false,
    Key: text(record.key),
    Headers: record.headers.map(([name, value]) => ({
      Key: name,
      Value: value === null ? null : view(value).toString('base64'),
    })),
  }
}

/** The years 1 to 9999, which .NET's DateTime has. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * ISO 8601 in UTC; Newtonsoft drops zeros at the end of a fraction, and a fraction of nothing else. The extension has no
 * text for a time that DateTime does not have, and ends the trigger; here it is DateTime's first instant.
 */
export function toTimestamp(ms: number): string {
  if (!(ms > FIRST_MS && ms <= LAST_MS)) return '0001-01-01T00:00:00Z'
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
}

/**
 * What the extension tells of a batch beside its events (KafkaTriggerBindingStrategy.cs), as a function finds it in
 * `context.triggerMetadata`: with the library's conversions, which lower the first letter of every name and leave
 * offsets as protobuf's halves.
 */
export function batchMetadata(events: readonly KafkaEvent[]): Record<string, unknown> {
  return {
    partitionArray: events.map(({ Partition }) => Partition),
    offsetArray: events.map(({ Offset }) => toLong(Offset)),
    timestampArray: events.map(({ Timestamp }) => Timestamp),
    topicArray: events.map(({ Topic }) => likeJson(Topic)),
    keyArray: events.map(({ Key }) => Key),
    headersArray: events.map(({ Headers }) => lowerHeaders(Headers)),
    leaderEpochArray: events.map(({ LeaderEpoch }) => LeaderEpoch),
    isPartitionEOFArray: events.map(({ IsPartitionEOF }) => IsPartitionEOF),
  }
}

/** The same of one event, for `cardinality: ONE`; a null key is not there. */
export function eventMetadata(event: KafkaEvent): Record<string, unknown> {
  return {
    ...(event.Key !== null && { key: likeJson(event.Key) }),
    partition: event.Partition,
    topic: likeJson(event.Topic),
    timestamp: event.Timestamp,
    offset: event.Offset,
    headers: lowerHeaders(event.Headers),
    leaderEpoch: event.LeaderEpoch,
    isPartitionEOF: event.IsPartitionEOF,
  }
}

/** `batchMetadata` in the form of the wire, before the library's conversions. */
export function toRpcBatchMetadata(events: readonly KafkaEvent[]): Record<string, RpcTypedData> {
  return {
    PartitionArray: json(events.map(({ Partition }) => Partition)),
    OffsetArray: { collectionSint64: { sint64: events.map(({ Offset }) => toLong(Offset)) } },
    TimestampArray: json(events.map(({ Timestamp }) => Timestamp)),
    TopicArray: { collectionString: { string: events.map(({ Topic }) => Topic) } },
    KeyArray: json(events.map(({ Key }) => Key)),
    HeadersArray: json(events.map(({ Headers }) => Headers)),
    LeaderEpochArray: json(events.map(({ LeaderEpoch }) => LeaderEpoch)),
    IsPartitionEOFArray: json(events.map(({ IsPartitionEOF }) => IsPartitionEOF)),
  }
}

export function toRpcEventMetadata(event: KafkaEvent): Record<string, RpcTypedData> {
  return {
    ...(event.Key !== null && { Key: { string: event.Key } }),
    Partition: json(event.Partition),
    Topic: { string: event.Topic },
    Timestamp: json(event.Timestamp),
    Offset: json(event.Offset),
    Headers: json(event.Headers),
    LeaderEpoch: json(event.LeaderEpoch),
    IsPartitionEOF: json(event.IsPartitionEOF),
  }
}

function json(value: unknown): RpcTypedData {
  return { json: JSON.stringify(value) }
}

function lowerHeaders(headers: KafkaEvent['Headers']) {
  return headers.map(({ Key, Value }) => ({ key: Key, value: Value }))
}

/** The library parses every string as JSON if it can: "42" arrives as a number. */
function likeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function toLong(value: number): RpcLong {
  return { low: value | 0, high: Math.floor(value / 2 ** 32), unsigned: false }
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : view(bytes).toString('utf8')
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
