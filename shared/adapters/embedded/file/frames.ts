import { crc32 } from 'node:zlib'
import type { LogRecord, RecordHeader, RecordToPublish } from '../../../ports/event-log.ts'

/**
 * Records travel between threads as frames in one buffer, so that a transfer takes one memcpy and does not create an
 * object for each header. The file stores the header block unchanged.
 *
 *   frame    u32 length of the frame | u32 partition id | f64 offset | f64 timestamp | i32 key | i32 value | key | value | header block
 *   headers  u32 name | i32 value | name | value, repeated to the end
 *
 * Numbers are little-endian. Lengths are in bytes, and a length of -1 means null. A key length of -2 marks a frame that
 * represents a range of unreadable offsets instead of a record: the field for the offset holds the first of these
 * offsets, the field for the timestamp holds the offset after the last one, and the value is the reason.
 */
const PARTITION_ID_AT = 4
const OFFSET_AT = 8
const TIMESTAMP_AT = 16
const KEY_LENGTH_AT = 24
const VALUE_LENGTH_AT = 28
const FIXED_BYTES = 32
const HEADER_FIXED_BYTES = 8
const NULL_LENGTH = -1
const DAMAGED = -2

/** UTF-8 takes at most this many bytes for one UTF-16 code unit. */
const UTF8_BYTES_PER_UNIT = 3
/** Up to this length, which covers header names and most header values, an ASCII loop is faster than `Buffer.write`. */
const SHORT_TEXT = 48

const INITIAL_BYTES = 64 * 1024
const KEPT_BYTES = 4 * 1024 * 1024

export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headerBlock: Uint8Array
}

/** Unreadable offsets of one partition. `to` is exclusive. */
export interface DamagedRange {
  readonly from: number
  readonly to: number
  /** The reason, as a clause in a message to an operator. */
  readonly why: string
}

export type FrameWriter = ReturnType<typeof createFrameWriter>

export function createFrameWriter() {
  let buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  let length = 0

  function reserve(bytes: number): void {
    if (length + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(length + bytes, buffer.length * 2))
    buffer.copy(larger, 0, 0, length)
    buffer = larger
  }

  function put(data: Uint8Array | string | null, at: number): number {
    if (data === null) return NULL_LENGTH
    if (typeof data !== 'string') {
      buffer.set(data, at)
      return data.length
    }
    if (data.length > SHORT_TEXT) return buffer.write(data, at)
    for (let i = 0; i < data.length; i++) {
      const unit = data.charCodeAt(i)
      if (unit > 0x7f) return buffer.write(data, at)
      buffer[at + i] = unit
    }
    return data.length
  }

  function putHeader([name, value]: RecordHeader, at: number): number {
    const nameLength = put(name, at + HEADER_FIXED_BYTES)
    const valueLength = put(value, at + HEADER_FIXED_BYTES + nameLength)
    buffer.writeUInt32LE(nameLength, at)
    buffer.writeInt32LE(valueLength, at + 4)
    return at + HEADER_FIXED_BYTES + nameLength + Math.max(0, valueLength)
  }

  /** Writes the fixed part of the frame that ends at `end`. */
  function seal(
    end: number,
    partitionId: number,
    offset: number,
    timestamp: number,
    key: number,
    value: number,
  ): number {
    const frameLength = end - length
    buffer.writeUInt32LE(frameLength, length)
    buffer.writeUInt32LE(partitionId, length + PARTITION_ID_AT)
    buffer.writeDoubleLE(offset, length + OFFSET_AT)
    buffer.writeDoubleLE(timestamp, length + TIMESTAMP_AT)
    buffer.writeInt32LE(key, length + KEY_LENGTH_AT)
    buffer.writeInt32LE(value, length + VALUE_LENGTH_AT)
    length = end
    return frameLength
  }

  return {
    /** The number of bytes that `take` would return now. */
    get length(): number {
      return length
    },
    /** Adds the record's frame and returns its length in bytes. */
    add(partitionId: number, record: RecordToPublish, timestamp: number): number {
      reserve(largestFrame(record))
      const key = put(record.key, length + FIXED_BYTES)
      const value = put(record.value, length + FIXED_BYTES + Math.max(0, key))
      let end = length + FIXED_BYTES + Math.max(0, key) + Math.max(0, value)
      for (const header of record.headers) end = putHeader(header, end)
      return seal(end, partitionId, 0, timestamp, key, value)
    },
    addStored(partitionId: number, { offset, timestamp, key, value, headerBlock }: StoredRecord): number {
      reserve(FIXED_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + headerBlock.length)
      const keyLength = put(key, length + FIXED_BYTES)
      const valueLength = put(value, length + FIXED_BYTES + Math.max(0, keyLength))
      const end = length + FIXED_BYTES + Math.max(0, keyLength) + Math.max(0, valueLength)
      return seal(end + put(headerBlock, end), partitionId, offset, timestamp, keyLength, valueLength)
    },
    addDamaged(partitionId: number, { from, to, why }: DamagedRange): void {
      reserve(FIXED_BYTES + why.length * UTF8_BYTES_PER_UNIT)
      const value = put(why, length + FIXED_BYTES)
      seal(length + FIXED_BYTES + value, partitionId, from, to, DAMAGED, value)
    },
    /** The checksum of the frame that begins at `at`. */
    checksum: (at: number) => frameChecksum(buffer, at),
    /** Discards everything beyond `to`. */
    truncate(to: number): void {
      length = to
    },
    /** Returns a copy of everything written, and empties the writer. */
    take(): Buffer {
      const taken = Buffer.allocUnsafeSlow(length)
      buffer.copy(taken, 0, 0, length)
      if (buffer.length > KEPT_BYTES) buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
      length = 0
      return taken
    },
  }
}

/**
 * An upper bound for a frame's length, for reserving memory. It is computed without reading the text, so it may be much
 * too high. Limits are therefore checked after writing.
 */
export function largestFrame(record: RecordToPublish): number {
  let bytes = FIXED_BYTES + largest(record.key) + largest(record.value)
  for (const [name, value] of record.headers) bytes += HEADER_FIXED_BYTES + largest(name) + largest(value)
  return bytes
}

function largest(data: Uint8Array | string | null): number {
  if (data === null) return 0
  return typeof data === 'string' ? data.length * UTF8_BYTES_PER_UNIT : data.length
}

export function frameLength(frames: Buffer, at: number): number {
  return frames.readUInt32LE(at)
}

export function framePartitionId(frames: Buffer, at: number): number {
  return frames.readUInt32LE(at + PARTITION_ID_AT)
}

export function frameOffset(frames: Buffer, at: number): number {
  return frames.readDoubleLE(at + OFFSET_AT)
}

export function setFrameOffset(frames: Buffer, at: number, offset: number): void {
  frames.writeDoubleLE(offset, at + OFFSET_AT)
}

/**
 * CRC-32 (ISO-HDLC, as in zip) of a record and its position. It covers the partition id, offset, timestamp, lengths,
 * key, value and headers, so it also detects a valid record at the wrong position.
 */
export function frameChecksum(frames: Buffer, at: number): number {
  return crc32(frames.subarray(at + PARTITION_ID_AT, at + frameLength(frames, at)))
}

/** The unreadable offsets that the frame stands for; undefined if the frame contains a record. */
export function damagedRangeAt(frames: Buffer, at: number): DamagedRange | undefined {
  if (frames.readInt32LE(at + KEY_LENGTH_AT) !== DAMAGED) return undefined
  const from = frames.readDoubleLE(at + OFFSET_AT)
  const to = frames.readDoubleLE(at + TIMESTAMP_AT)
  return { from, to, why: frames.toString('utf8', at + FIXED_BYTES, at + frameLength(frames, at)) }
}

/** The frame's record, as views of the frame's memory. */
export function storedRecordAt(frames: Buffer, at: number): StoredRecord {
  const key = view(frames, at + FIXED_BYTES, frames.readInt32LE(at + KEY_LENGTH_AT))
  const valueAt = at + FIXED_BYTES + (key?.length ?? 0)
  const value = view(frames, valueAt, frames.readInt32LE(at + VALUE_LENGTH_AT))
  return {
    offset: frames.readDoubleLE(at + OFFSET_AT),
    timestamp: frames.readDoubleLE(at + TIMESTAMP_AT),
    key,
    value,
    headerBlock: frames.subarray(valueAt + (value?.length ?? 0), at + frameLength(frames, at)),
  }
}

/** A copy of the frame's record, so that a consumer that modifies it does not affect others. */
export function logRecordAt(frames: Buffer, at: number, topic: string, partition: number): LogRecord {
  const frame = Buffer.from(frames.subarray(at, at + frameLength(frames, at)))
  const { offset, timestamp, key, value, headerBlock } = storedRecordAt(frame, 0)
  return { topic, partition, offset, timestamp, key, value, headers: headersOf(headerBlock) }
}

function headersOf(block: Uint8Array): LogRecord['headers'] {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  const headers: [string, Uint8Array | null][] = []
  let at = 0
  while (at < bytes.length) {
    const nameAt = at + HEADER_FIXED_BYTES
    const valueAt = nameAt + bytes.readUInt32LE(at)
    const value = view(bytes, valueAt, bytes.readInt32LE(at + 4))
    headers.push([bytes.toString('utf8', nameAt, valueAt), value])
    at = valueAt + (value?.length ?? 0)
  }
  return headers
}

function view(bytes: Buffer, at: number, length: number): Buffer | null {
  return length === NULL_LENGTH ? null : bytes.subarray(at, at + length)
}
