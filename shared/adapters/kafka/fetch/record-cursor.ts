/** Reads the fields of Kafka's records in order. Throws a RangeError if the bytes end too early. */
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
   * Reads a varint or varlong in zig-zag encoding (https://kafka.apache.org/protocol#protocol_types). Beyond 2^53, the
   * result is the nearest JavaScript number.
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

  /** Reads a length and returns a view of that many bytes; null for a length of -1. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const start = this.#take(length)
    return this.#bytes.subarray(start, this.at)
  }

  /** Reads a length and that many bytes of text. Invalid UTF-8 becomes U+FFFD. */
  text(): string {
    const length = this.varint()
    const start = this.#take(length)
    return this.#bytes.toString('utf8', start, this.at)
  }

  /** Returns a view of the bytes between two positions. */
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

/** The scale of a number's tenth byte, which is the last byte allowed. */
const MAX_SCALE = 2 ** 63
