import type { RecordToPublish } from '../../../ports/event-log.ts'
import { RecordWriter, sizeOfField, sizeOfVarint } from './record-writer.ts'

/** A record that is ready to be sent, in the shape of a kafkajs message. */
export interface OutgoingRecord {
  readonly key: Buffer | null
  /** kafkajs requires this member. The record's value is in `content`. */
  readonly value: null
  /**
   * The key, the value and the headers, encoded as in a batch. A record is encoded once, when it is published, and
   * not again for each attempt.
   */
  readonly content: Buffer
  /** ms since 1970. */
  readonly time: number
  /** The partition chosen at the first attempt, which later attempts use too. */
  partition?: number
  /** The offset in that partition, once a broker has acknowledged the record. */
  offset?: number
  /** Whether a broker has refused the record in the latest attempt. */
  refused?: boolean
}

export function toOutgoing({ key, value, headers, timestamp = Date.now() }: RecordToPublish): OutgoingRecord {
  if (!Number.isSafeInteger(timestamp)) throw new RangeError(`A timestamp must be a whole number, not ${timestamp}.`)
  let size = sizeOfField(key) + sizeOfField(value) + sizeOfVarint(headers.length)
  for (const [name, header] of headers) size += sizeOfField(name) + sizeOfField(header)
  const writer = new RecordWriter(Buffer.allocUnsafe(size))
  writer.field(key)
  writer.field(value)
  writer.varint(headers.length)
  for (const [name, header] of headers) {
    writer.field(name)
    writer.field(header)
  }
  return { key: key === null ? null : Buffer.from(key), value: null, content: writer.bytes, time: timestamp }
}

/** An upper bound on the record's size in a batch, in bytes. */
export function sizeOf({ content }: OutgoingRecord): number {
  return MAX_OVERHEAD + content.length
}

/** The length, the attributes, and the differences in time and offset. */
const MAX_OVERHEAD = 5 + 1 + 10 + 5
