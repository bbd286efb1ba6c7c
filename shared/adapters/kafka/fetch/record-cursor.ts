/** Reads the parts of Kafka's records one after another. Reading beyond the end throws a RangeError. */
export class RecordCursor {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  /**
   * A varint or varlong in zig-zag encoding (https://kafka.apache.org/protocol#protocol_types); beyond 2^53, the nearest
   * JavaScript number.
   */
  varint(): number {
    const first = this.#byte()
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    let value = first & 0x7f
    for (let scale = 0x80, byte = first; byte >= 0x80; scale *= 0x80) {
      if (scale > MAX_SCALE) throw new RangeError('a number has more than 64 bits')
      byte = this.#byte()
      value += (byte & 0x7f) * scale
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  skip(bytes: number): void {
    this.at += bytes
  }

  /** A view of bytes that follow their length; null for a length of -1. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const start = this.#take(length)
    return this.#bytes.subarray(start, this.at)
  }

  /** Text that follows its length. Bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    const length = this.varint()
    const start = this.#take(length)
    return this.#bytes.toString('utf8', start, this.at)
  }

  /** A view of the bytes between two places. */
  between(start: number, end: number): Buffer {
    return this.#bytes.subarray(start, end)
  }

  #take(length: number): number {
    const start = this.at
    if (length < 0 || start + length > this.#bytes.length) {
      throw new RangeError(`a length of ${length} goes beyond the end`)
    }
    this.at += length
    return start
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw new RangeError('it ends too early')
    return byte
  }
}

/** The scale of the tenth and last byte. */
const MAX_SCALE = 2 ** 63
