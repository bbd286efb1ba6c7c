import type { LogRecord } from '../../../ports/event-log.ts'
import {
  ATTRIBUTES_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_AT,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PREFIX_BYTES,
  PRODUCER_ID_AT,
  RECORDS_AT,
} from '../client/batch-header.ts'
import { crc32c } from '../client/crc32c.ts'
import { decompress } from './codecs.ts'
import { RecordCursor } from './record-cursor.ts'

/**
 * Reads Kafka's record batches, version 2 (https://kafka.apache.org/documentation/#recordbatch). kafkajs 2.2.4 does not
 * read them reliably (decision 019).
 */

/** A broker's response for one partition, decoded. */
export interface Decoded {
  readonly records: readonly LogRecord[]
  /**
   * The offset to read next, after the records and after offsets without a committed record: transaction markers,
   * aborted records and offsets that compaction removed.
   */
  readonly next: number
  /** Present if the batch at `next` is unreadable. */
  readonly unreadable?: UnreadableBatch
}

export interface UnreadableBatch {
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** The reason, as a clause in a message to an operator. */
  readonly why: string
}

export interface FetchedFrom {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

/** The memory that is left for decoding one response, in bytes. Batches that do not fit are fetched again. */
export interface Budget {
  bytes: number
}

/** Limits the number of decoded objects, because a header of two bytes takes hundreds of bytes of memory. */
export interface Limits {
  /** A record with more headers than this counts as malformed. */
  readonly headersOfRecord: number
  /** A batch with more records and headers than this, counted together, is unreadable. */
  readonly objectsOfBatch: number
}

/** Far more than any producer writes. By default, librdkafka puts at most 10,000 records into a batch. */
const LIMITS: Limits = { headersOfRecord: 10_000, objectsOfBatch: 600_000 }
/**
 * The memory counted for each object in addition to its bytes. V8 needs more, but with this figure an ordinary response
 * fits within the budget.
 */
const OBJECT_BYTES = 64

const CODEC = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/**
 * Decodes the committed records, starting at the requested offset. `aborted` is the broker's list of aborted
 * transactions, in any order. Stops before the first unreadable batch, or when the budget is used up. Ignores a batch
 * that is cut off at the end. Never rejects.
 */
export async function decodeBatches(
  set: Buffer,
  from: FetchedFrom,
  aborted: readonly AbortedTransaction[],
  budget: Budget,
  limits = LIMITS,
): Promise<Decoded> {
  const isAborted = followTransactions(aborted)
  const records: LogRecord[] = []
  let next = from.offset
  for (let at = 0; at + RECORDS_AT <= set.length;) {
    const end = at + PREFIX_BYTES + set.readInt32BE(at + LENGTH_AT)
    if (end > set.length || budget.bytes <= 0) break
    const batch = set.subarray(at, end)
    const first = int64(set, at)
    const last = first + Math.max(0, set.readInt32BE(at + LAST_OFFSET_DELTA_AT))
    try {
      check(batch)
      if (last >= next && !isAborted(batch, last)) {
        await decodeRecords(batch, from, records, budget, limits)
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return { records, next, unreadable: { from: Math.max(first, next), to: Math.max(last, next) + 1, why } }
    }
    next = Math.max(next, last + 1)
    at = end
  }
  return { records, next }
}

function check(batch: Buffer): void {
  if (batch.length < RECORDS_AT) throw new Error('it is shorter than a batch can be')
  const magic = batch.readInt8(MAGIC_AT)
  if (magic !== 2)
    throw new Error(`its format is version ${magic}; only version 2, of Kafka 0.11 and later, is supported`)
  const crc = crc32c(batch.subarray(ATTRIBUTES_AT))
  if (crc !== batch.readUInt32BE(CRC_AT)) throw new Error('its checksum does not match')
}

/**
 * Returns a function to call with each batch, in order. It returns true if the batch is not for consumers, because the
 * batch is a transaction marker or belongs to an aborted transaction. `aborted` lists the producer and the first
 * offset of each aborted transaction. A transaction ends at its producer's abort marker, which may come after the
 * fetched batches.
 */
function followTransactions(aborted: readonly AbortedTransaction[]): (batch: Buffer, lastOffset: number) => boolean {
  const upcoming = aborted.toSorted((one, other) => one.firstOffset - other.firstOffset)
  const open = new Set<bigint>()
  return (batch, lastOffset) => {
    const attributes = batch.readInt16BE(ATTRIBUTES_AT)
    if ((attributes & (TRANSACTIONAL | CONTROL)) === 0) return false
    for (let [first] = upcoming; first !== undefined && first.firstOffset <= lastOffset; [first] = upcoming) {
      open.add(first.producerId)
      upcoming.shift()
    }
    const producerId = batch.readBigInt64BE(PRODUCER_ID_AT)
    if ((attributes & CONTROL) === 0) return open.has(producerId)
    if (isAbortMarker(batch)) open.delete(producerId)
    return true
  }
}

const ABORT = 0

/** The key of a control record consists of a version and a type, two bytes each. */
function isAbortMarker(batch: Buffer): boolean {
  if (batch.readInt32BE(COUNT_AT) < 1) return false
  const cursor = new RecordCursor(batch.subarray(RECORDS_AT))
  cursor.varint()
  cursor.skip(1)
  cursor.varint()
  cursor.varint()
  const key = cursor.bytes()
  return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT
}

async function decodeRecords(
  batch: Buffer,
  from: FetchedFrom,
  into: LogRecord[],
  budget: Budget,
  { headersOfRecord, objectsOfBatch }: Limits,
): Promise<void> {
  const attributes = batch.readInt16BE(ATTRIBUTES_AT)
  const codec = attributes & CODEC
  const compressed = batch.subarray(RECORDS_AT)
  const count = batch.readInt32BE(COUNT_AT)
  if (count === 0) return
  const body = codec === 0 ? compressed : await decompress(codec, compressed)
  budget.bytes -= body.length
  const cursor = new RecordCursor(body)
  const decoded: LogRecord[] = []
  const frame = frameOf(batch, attributes, from)
  let offset = frame.first - 1
  let objects = 0
  for (let index = 0; index < count; index++) {
    const length = cursor.varint()
    const start = cursor.at
    const end = start + length
    if (length < 0 || end > body.length) throw new Error('a record is longer than the batch')
    const record =
      decodeRecord(cursor, end, frame, offset, headersOfRecord) ?? malformed(cursor.between(start, end), frame, offset)
    cursor.at = end
    objects += 1 + record.headers.length
    if (objects > objectsOfBatch) throw new Error(`it holds more than ${objectsOfBatch} records and headers`)
    offset = record.offset
    if (offset >= from.offset) decoded.push(record)
  }
  budget.bytes -= objects * OBJECT_BYTES
  // Records are added only after the whole batch has been decoded. Otherwise, if a later record caused an error, the
  // next fetch would return the earlier ones again.
  for (const record of decoded) into.push(record)
}

/** Values that all records in a batch share. */
interface Frame extends FetchedFrom {
  readonly first: number
  readonly last: number
  readonly baseTimestamp: number
  /** The timestamp of all the records, if the broker set it. */
  readonly appendedAt: number | undefined
}

function frameOf(batch: Buffer, attributes: number, from: FetchedFrom): Frame {
  const first = int64(batch, 0)
  return {
    ...from,
    first,
    last: first + batch.readInt32BE(LAST_OFFSET_DELTA_AT),
    baseTimestamp: int64(batch, BASE_TIMESTAMP_AT),
    appendedAt: (attributes & LOG_APPEND_TIME) === 0 ? undefined : int64(batch, MAX_TIMESTAMP_AT),
  }
}

/** Returns undefined if the bytes are not a valid record. */
function decodeRecord(
  cursor: RecordCursor,
  end: number,
  frame: Frame,
  previous: number,
  maxHeaders: number,
): LogRecord | undefined {
  try {
    // Skips the record's attributes, which Kafka does not use.
    cursor.skip(1)
    const timestampDelta = cursor.varint()
    const offset = frame.first + cursor.varint()
    const key = cursor.bytes()
    const value = cursor.bytes()
    const headers: [string, Buffer | null][] = []
    const count = cursor.varint()
    if (count > maxHeaders) return undefined
    for (let left = count; left > 0; left--) headers.push([cursor.text(), cursor.bytes()])
    if (cursor.at !== end || offset <= previous || offset > frame.last) return undefined
    const timestamp = frame.appendedAt ?? frame.baseTimestamp + timestampDelta
    return { topic: frame.topic, partition: frame.partition, offset, timestamp, key, value, headers }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * A record whose value consists of the malformed bytes, so that it becomes poison. Brokers normally refuse such
 * records.
 */
function malformed(bytes: Buffer, frame: Frame, previous: number): LogRecord {
  const { topic, partition, appendedAt, baseTimestamp } = frame
  return {
    topic,
    partition,
    offset: previous + 1,
    timestamp: appendedAt ?? baseTimestamp,
    key: null,
    value: bytes,
    headers: [],
  }
}

/** Reads a 64-bit integer, rounded to the nearest JavaScript number. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
