import { gzipSync, zstdCompressSync } from 'node:zlib'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { crc32c } from '../../../shared/adapters/kafka/client/crc32c.ts'

/** Record batches as producers and brokers write them, including ones that no client would produce. */

export interface RecordToEncode {
  /** Relative to the batch's base offset; by default, the index of the record in the batch. */
  readonly offsetDelta?: number
  readonly timestampDelta?: bigint
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly (readonly [name: Uint8Array, value: Uint8Array | null])[]
}

export interface BatchToEncode {
  readonly baseOffset: number
  readonly records: readonly (RecordToEncode | Uint8Array)[]
  readonly lastOffsetDelta?: number
  readonly codec?: Codec | number
  readonly baseTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly logAppendTime?: boolean
  /** Makes the batch part of a transaction. */
  readonly producerId?: bigint
  readonly control?: 'commit' | 'abort'
  readonly magic?: number
}

export type Codec = 'none' | 'gzip' | 'snappy' | 'xerial' | 'lz4' | 'zstd'
export const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'xerial', 'lz4', 'zstd']

const NUMBERS: Readonly<Record<Codec, number>> = { none: 0, gzip: 1, snappy: 2, xerial: 2, lz4: 3, zstd: 4 }

export function encodeBatch(batch: BatchToEncode): Buffer {
  const { baseOffset, codec = 'none', producerId, control, magic = 2, baseTimestamp = 1_700_000_000_000n } = batch
  const records = control === undefined ? batch.records : [{ key: controlKey(control), value: Buffer.alloc(6) }]
  const body = Buffer.concat(
    records.map((record, index) => {
      const bytes = record instanceof Uint8Array ? Buffer.from(record) : encodeRecord(record, index)
      return Buffer.concat([varint(BigInt(bytes.length)), bytes])
    }),
  )
  const compressed = typeof codec === 'number' ? body : compress(codec, body)
  const head = Buffer.alloc(61)
  head.writeBigInt64BE(BigInt(baseOffset), 0)
  head.writeInt32BE(head.length - 12 + compressed.length, 8)
  head.writeInt8(magic, 16)
  const attributes =
    (typeof codec === 'number' ? codec : NUMBERS[codec]) |
    (batch.logAppendTime === true ? 0x08 : 0) |
    (producerId === undefined ? 0 : 0x10) |
    (control === undefined ? 0 : 0x20)
  head.writeInt16BE(attributes, 21)
  head.writeInt32BE(batch.lastOffsetDelta ?? Math.max(0, records.length - 1), 23)
  head.writeBigInt64BE(baseTimestamp, 27)
  head.writeBigInt64BE(batch.maxTimestamp ?? baseTimestamp, 35)
  head.writeBigInt64BE(producerId ?? -1n, 43)
  head.writeInt16BE(0, 51)
  head.writeInt32BE(-1, 53)
  head.writeInt32BE(records.length, 57)
  const whole = Buffer.concat([head, compressed])
  whole.writeUInt32BE(crc32c(whole.subarray(21)), 17)
  return whole
}

function encodeRecord(record: RecordToEncode, index: number): Buffer {
  const headers = record.headers ?? []
  return Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampDelta ?? 0n),
    varint(BigInt(record.offsetDelta ?? index)),
    sized(record.key),
    sized(record.value),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, value]) => [sized(name), sized(value)]),
  ])
}

function controlKey(type: 'commit' | 'abort'): Buffer {
  return Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
}

function sized(bytes: Uint8Array | null): Buffer {
  return bytes === null ? varint(-1n) : Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

/** Zig-zag encoding. */
function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(left)])
}

function compress(codec: Codec, body: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return body
    case 'gzip':
      return gzipSync(body)
    case 'zstd':
      return zstdCompressSync(body)
    case 'lz4':
      return lz4.compressFrameSync(body)
    case 'snappy':
      return snappy.compressSync(body)
    case 'xerial':
      return xerial(body)
  }
}

/** Writes snappy-java's chunked format, with more chunks than snappy-java itself would write. */
function xerial(body: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])]
  for (let at = 0; at === 0 || at < body.length; at += 1024) {
    const chunk = snappy.compressSync(body.subarray(at, at + 1024))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(chunk.length)
    parts.push(length, chunk)
  }
  return Buffer.concat(parts)
}
