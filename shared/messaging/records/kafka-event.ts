import type { LogRecord } from '../../ports/event-log.ts'
import type { Journey } from '../parking/parking.ts'

/**
 * A record as the Kafka extension hands it to a Node function with `dataType: string`
 * (KafkaEventDataConvertManager.cs): header values in base64, value and key as text. Bytes that are not UTF-8 arrive as
 * U+FFFD; the exact bytes can be read again from the record's position in the log.
 */
export interface KafkaEvent {
  readonly Offset: number
  readonly Partition: number
  readonly Topic: string
  /** ISO 8601, UTC. */
  readonly Timestamp: string
  readonly Value: string | null
  readonly Key?: string | null
  readonly Headers: readonly { readonly Key: string; readonly Value: string | null }[]
}

/**
 * A delivered record. `lossy` means that the record may differ from the original: its text contains U+FFFD, or the host
 * could not represent its timestamp.
 */
export interface DeliveredRecord extends LogRecord {
  readonly lossy: boolean
  /** The decoded journey from the headers, if they have been decoded already. */
  readonly journey?: Journey | undefined
}

const REPLACEMENT = '\ufffd'
/** .NET's minimum date, which also stands for a missing timestamp. */
const NO_TIME_MS = Date.parse('0001-01-01T00:00:00Z')
/** Kafka's value for a missing timestamp. */
const NO_TIMESTAMP = -1

/**
 * A delivery may be many times larger than a process can handle at once: an order can be up to a megabyte in size, and
 * each of several triggers delivers whole batches. Reading and storing a portion of this many characters takes about
 * ten times as much memory as the portion itself.
 */
const MAX_PORTION_LENGTH = 2 * 1024 * 1024
const TAKEN: KafkaEvent = { Offset: -1, Partition: -1, Topic: '', Timestamp: '', Value: null, Headers: [] }

/**
 * Splits a delivery into portions, each created on demand, so that the previous portion can be freed. Nearly every
 * delivery is small enough to be a single portion. Throws if the host passes anything but an array of events, for
 * example a single event or bytes, because the trigger is then misconfigured. Does not validate further: validating
 * every record would cost more than decoding it.
 */
export function* fromKafkaEvents(input: unknown): Generator<DeliveredRecord[]> {
  if (!Array.isArray(input) || !input.every(isKafkaEvent)) {
    throw new TypeError(
      'The trigger did not pass an array of Kafka events: it must have cardinality MANY and dataType string.',
    )
  }
  const events: KafkaEvent[] = input
  for (let start = 0; start < events.length;) {
    const end = endOfPortion(events, start)
    yield events.slice(start, end).map(fromKafkaEvent)
    // The host's array lives as long as the invocation, and would otherwise keep every portion in memory.
    for (let taken = start; end - start < events.length && taken < end; taken += 1) events[taken] = TAKEN
    start = end
  }
}

/** The portion contains at least one event, whatever that event's size. */
function endOfPortion(events: readonly KafkaEvent[], start: number): number {
  let length = 0
  for (let end = start; end < events.length; end += 1) {
    length += lengthOf(events[end] ?? TAKEN)
    if (length > MAX_PORTION_LENGTH && end > start) return end
  }
  return events.length
}

function lengthOf({ Value, Key, Headers }: KafkaEvent): number {
  let length = (Value?.length ?? 0) + (Key?.length ?? 0)
  for (const header of Headers) length += header.Value?.length ?? 0
  return length
}

function isKafkaEvent(event: Partial<KafkaEvent> | null): event is KafkaEvent {
  return typeof event?.Offset === 'number' && typeof event.Topic === 'string' && Array.isArray(event.Headers)
}

function fromKafkaEvent(event: KafkaEvent): DeliveredRecord {
  const key = event.Key ?? null
  const timestamp = Date.parse(event.Timestamp)
  const isTimed = timestamp > NO_TIME_MS
  return {
    topic: event.Topic,
    partition: event.Partition,
    offset: event.Offset,
    timestamp: isTimed ? timestamp : NO_TIMESTAMP,
    key: key === null ? null : Buffer.from(key),
    value: event.Value === null ? null : Buffer.from(event.Value),
    headers: event.Headers.map(
      ({ Key, Value }) => [Key, Value === null ? null : Buffer.from(Value, 'base64')] as const,
    ),
    lossy: !isTimed || (event.Value?.includes(REPLACEMENT) ?? false) || (key?.includes(REPLACEMENT) ?? false),
  }
}
