/** Reads the parts of Kafka's records one after the other. What goes beyond the end throws a RangeError. */
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
   * A varint or varlong in zig-zag encoding (https://kafka.apache.org/protocol#protocol_types). Beyond 2^53 it is the
   * nearest number that JavaScript has.
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

  /** Bytes behind their length, a view; null for a length of -1. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const start = this.#take(length)
    return this.#bytes.subarray(start, this.at)
  }

  /** Text behind its length. What is not UTF-8 becomes U+FFFD. */
  text(): string {
    const length = this.varint()
    const start = this.#take(length)
    return this.#bytes.toString('utf8', start, this.at)
  }

  /** Between two places, a view. */
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
    if (byte === undefined) throw new RangeError('it ends in the middle')
    return byte
  }
}

/** Of the tenth and last byte. */
const MAX_SCALE = 2 ** 63
