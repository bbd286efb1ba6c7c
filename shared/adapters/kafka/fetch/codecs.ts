import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'

/**
 * The maximum size of a decompressed batch. A few kilobytes can decompress to gigabytes, and a producer must not be
 * able to exhaust this process's memory.
 */
export const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024

/**
 * Decompresses the records in a batch. `codec` is Kafka's number for the codec. An error's message is a clause that
 * gives the reason.
 */
export async function decompress(codec: number, bytes: Buffer): Promise<Buffer> {
  const decoder = DECODERS[codec]
  if (decoder === undefined) throw new Error(`it is compressed with codec ${codec}, which is unknown`)
  try {
    return await decoder.decompress(bytes)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new Error(`it cannot be decompressed as ${decoder.name}: ${cause}`, { cause: error })
  }
}

const limit = { maxOutputLength: MAX_DECOMPRESSED_BYTES }
const ungzip = promisify<Buffer, typeof limit, Buffer>(gunzip)
const unzstd = promisify<Buffer, typeof limit, Buffer>(zstdDecompress)

/** snappy and lz4 are native modules, loaded on first use so that the other codecs work without them. */
const DECODERS: Readonly<Record<number, { name: string; decompress: (bytes: Buffer) => Promise<Buffer> }>> = {
  1: { name: 'gzip', decompress: (bytes) => ungzip(bytes, limit) },
  2: { name: 'snappy', decompress: unsnappy },
  3: { name: 'lz4', decompress: unlz4 },
  4: { name: 'zstd', decompress: (bytes) => unzstd(bytes, limit) },
}

/** snappy-java's header consists of this signature, a version and the lowest compatible version. */
const XERIAL_SIGNATURE = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** The Java client writes snappy-java's chunked format. librdkafka and others write a single block. */
async function unsnappy(bytes: Buffer): Promise<Buffer> {
  const { uncompress } = await import('snappy')
  const blocks = bytes.subarray(0, XERIAL_SIGNATURE.length).equals(XERIAL_SIGNATURE)
    ? [...xerialBlocks(bytes)]
    : [bytes]
  mustFit(blocks.reduce((total, block) => total + snappyLength(block), 0))
  const parts = await Promise.all(blocks.map(async (block) => (await uncompress(block, { asBuffer: true })) as Buffer))
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

function* xerialBlocks(bytes: Buffer): Generator<Buffer> {
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const start = at + 4
    at = start + bytes.readUInt32BE(at)
    if (at > bytes.length) throw new Error('a chunk is longer than the batch')
    yield bytes.subarray(start, at)
  }
}

/** The decompressed length from the varint at the start of a block (google/snappy, format_description.txt). */
function snappyLength(block: Buffer): number {
  let length = 0
  for (let index = 0; index < 5; index++) {
    const byte = block.readUInt8(index)
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new Error('a block does not begin with a valid length')
}

async function unlz4(bytes: Buffer): Promise<Buffer> {
  mustFit(lz4Length(bytes))
  const { decompressFrame } = await import('lz4-napi')
  return decompressFrame(bytes)
}

const LZ4_MAGIC = 0x184d2204
/** A byte of input becomes at most 255 bytes of output (lz4/lz4, lz4_Block_format.md). */
const LZ4_MAX_RATIO = 255

/** An upper bound on the decompressed size of an LZ4 frame, from its block headers (lz4/lz4, lz4_Frame_format.md). */
function lz4Length(bytes: Buffer): number {
  if (bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new Error('it does not begin with the signature of a frame')
  const flags = bytes.readUInt8(4)
  const blockBytes = 2 ** (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7))
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4)
  let length = 0
  for (;;) {
    const head = bytes.readUInt32LE(at)
    if (head === 0) return length
    const size = head & 0x7fffffff
    length += head === size ? Math.min(blockBytes, size * LZ4_MAX_RATIO) : size
    at += 4 + size + checksumBytes
  }
}

function mustFit(length: number): void {
  if (length <= MAX_DECOMPRESSED_BYTES) return
  throw new Error(`it would decompress to more than ${MAX_DECOMPRESSED_BYTES / 1024 / 1024} MiB`)
}
