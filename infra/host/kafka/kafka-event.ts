import type { LogRecord } from '../../../shared/ports/event-log.ts'
import type { RpcLong, RpcTypedData } from '../functions/rpc.ts'

type TriggerData = Readonly<Record<string, RpcTypedData>>

export type KafkaEvent = ReturnType<typeof toKafkaEvent>

/**
 * A record as the Kafka extension serialises it for `dataType: string` (KafkaEventDataConvertManager.cs). Decodes text
 * as UTF-8, with U+FFFD for invalid bytes. As in the extension, the original bytes are lost.
 */
export function toKafkaEvent(record: LogRecord) {
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

/** .NET's DateTime covers the years 1 to 9999. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * ISO 8601 in UTC without trailing zeros in the fraction, as Newtonsoft writes it. In the extension, a time outside
 * DateTime's range stops the trigger; here, it becomes DateTime's first instant.
 */
export function toTimestamp(ms: number): string {
  if (!(ms > FIRST_MS && ms <= LAST_MS)) return '0001-01-01T00:00:00Z'
  const iso = new Date(ms).toISOString()
  // Most timestamps have no trailing zero. For them, the check skips the regular expression, which would otherwise
  // be tried at each character.
  return iso.endsWith('0Z') ? iso.replace(/\.?0*Z$/, 'Z') : iso
}

/** The fields that are JSON both for a single event and for a batch. Offset, topic and key differ between the two. */
const ALWAYS_JSON = ['Partition', 'Timestamp', 'Headers', 'LeaderEpoch', 'IsPartitionEOF'] as const

/** The extension's trigger metadata for a batch (KafkaTriggerBindingStrategy.cs). */
export function batchMetadata(events: readonly KafkaEvent[]): TriggerData {
  const arrays = [...ALWAYS_JSON, 'Key' as const].map((name) => [
    `${name}Array`,
    json(events.map((event) => event[name])),
  ])
  return {
    ...(Object.fromEntries(arrays) as TriggerData),
    OffsetArray: { collectionSint64: { sint64: events.map(({ Offset }) => toLong(Offset)) } },
    TopicArray: { collectionString: { string: events.map(({ Topic }) => Topic) } },
  }
}

/** The trigger metadata for one event, with `cardinality: ONE`. A null key is left out. */
export function eventMetadata(event: KafkaEvent): TriggerData {
  const values = [...ALWAYS_JSON, 'Offset' as const].map((name) => [name, json(event[name])])
  return {
    ...(Object.fromEntries(values) as TriggerData),
    Topic: { string: event.Topic },
    ...(event.Key !== null && { Key: { string: event.Key } }),
  }
}

/**
 * The metadata in the form in which a function finds it in `context.triggerMetadata`. The library's conversions change
 * the first letter of every name to lower case, and leave each offset as two protobuf halves.
 */
export function asLibraryReads(metadata: TriggerData): Record<string, unknown> {
  const read = Object.entries(metadata).map(([name, data]) => [name, fromRpc(data)] as const)
  return lowerNames(Object.fromEntries(read)) as Record<string, unknown>
}

function fromRpc({ string, json, collectionString, collectionSint64 }: RpcTypedData): unknown {
  if (string !== undefined) return likeJson(string)
  if (json !== undefined) return JSON.parse(json)
  return collectionString?.string.map(likeJson) ?? collectionSint64?.sint64
}

function lowerNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerNames)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name.charAt(0).toLowerCase() + name.slice(1), lowerNames(inner)]),
  )
}

function json(value: unknown): RpcTypedData {
  return { json: JSON.stringify(value) }
}

/** The library parses every string as JSON if it can, so "42" arrives as a number. */
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
  if (bytes instanceof Buffer) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
