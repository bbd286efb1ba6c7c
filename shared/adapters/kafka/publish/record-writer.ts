/** Writes the fields of Kafka's records, one after the other, into a buffer of the size that the fields need. */
export class RecordWriter {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /**
   * Writes a non-negative integer up to 2^54, or -1, as a varint or varlong
   * (https://kafka.apache.org/protocol#protocol_types).
   */
  varint(value: number): void {
    let rest = zigZag(value)
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.at++] = (rest % 0x80) | 0x80
    this.bytes[this.at++] = rest
  }

  /** Writes a length and then the bytes. For null, writes only the length -1. */
  field(value: Uint8Array | string | null): void {
    if (value === null) return this.varint(-1)
    if (typeof value === 'string') {
      this.varint(Buffer.byteLength(value))
      this.at += this.bytes.write(value, this.at)
      return
    }
    this.varint(value.length)
    this.raw(value)
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }
}

/** The number of bytes that `RecordWriter.varint` writes. */
export function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = zigZag(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1
  return size
}

/** The number of bytes that `RecordWriter.field` writes. */
export function sizeOfField(value: Uint8Array | string | null): number {
  if (value === null) return 1
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
  return sizeOfVarint(length) + length
}

function zigZag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}
