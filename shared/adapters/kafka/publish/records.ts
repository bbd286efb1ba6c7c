import type { Message } from 'kafkajs'
import type { RecordHeader, RecordToPublish } from '../../../ports/event-log.ts'

/** A message that keeps the partition chosen at the first attempt, so that later attempts use the same partition. */
export type OutgoingMessage = Message & { key: Buffer | null; value: Buffer | null; partition?: number }

export function toMessage({ key, value, headers, timestamp = Date.now() }: RecordToPublish): OutgoingMessage {
  if (!Number.isSafeInteger(timestamp)) throw new RangeError(`A timestamp must be a whole number, not ${timestamp}.`)
  return {
    key: bytesOf(key),
    value: bytesOf(value),
    timestamp: String(timestamp),
    ...(headers.length > 0 && { headers: { all: new HeaderList(headers) } }),
  }
}

/** An upper bound on the record's size in a batch, in bytes. */
export function sizeOf({ key, value }: OutgoingMessage, headers: readonly RecordHeader[]): number {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of headers) size += HEADER_OVERHEAD + Buffer.byteLength(name) + byteLength(header)
  return size
}

const RECORD_OVERHEAD = 32
const HEADER_OVERHEAD = 6

/**
 * All the headers of a record, in order. kafkajs takes headers as an object, in which the order of repeated names is
 * lost, and fails on a null value (tulios/kafkajs#1789), which another producer's record may have. kafkajs calls `map`
 * on each name's array of values, so this array's `map` returns all the headers.
 */
class HeaderList extends Array<never> {
  readonly #headers: readonly RecordHeader[]

  constructor(headers: readonly RecordHeader[]) {
    super()
    this.#headers = headers
  }

  override map<U>(): U[] {
    return this.#headers.map(([key, value]) =>
      value === null ? nullHeader(key) : { key, value: bytesOf(value) },
    ) as U[]
  }
}

/**
 * A header whose value is empty for the first two reads, during which kafkajs computes the length, and null afterwards.
 * Both values have the same encoded length.
 */
function nullHeader(key: string): { key: string; readonly value: '' | null } {
  let reads = 0
  return {
    key,
    get value() {
      return reads++ < 2 ? '' : null
    },
  }
}

function bytesOf(value: Uint8Array | string): Buffer
function bytesOf(value: Uint8Array | string | null): Buffer | null
function bytesOf(value: Uint8Array | string | null): Buffer | null {
  if (value === null) return null
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function byteLength(value: Uint8Array | string | null): number {
  return value === null ? 0 : Buffer.byteLength(value)
}
