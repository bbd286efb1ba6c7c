/**
 * A set of the orders of one block, each by its place in the block.
 *
 * In the file it is a list of places, ascending, 16 bits each with the low byte first, or one bit for each place, where
 * that is not four times as long: it is read quicker. Its length tells which.
 */
export const BLOCK_ORDERS = 16_384
const BITMAP_BYTES = BLOCK_ORDERS / 8

/** A list of more takes as much as a quarter of the bitmap. */
const MAX_LISTED = BITMAP_BYTES / 8

/** A set before it is in the file. */
export class NewOrderSet {
  readonly #list: number[] = []
  #bitmap: Uint8Array | undefined

  /** In ascending order; the same one again makes no difference. */
  add(place: number): void {
    if (this.#bitmap !== undefined) return setBit(this.#bitmap, place)
    if (this.#list.at(-1) === place) return
    this.#list.push(place)
    if (this.#list.length <= MAX_LISTED) return
    this.#bitmap = new Uint8Array(BITMAP_BYTES)
    for (const one of this.#list.splice(0)) setBit(this.#bitmap, one)
  }

  pack(): Uint8Array {
    return this.#bitmap ?? Uint8Array.from(this.#list.flatMap((place) => [place & 0xff, place >> 8]))
  }
}

export class OrderSet {
  readonly #bits = new Uint8Array(BITMAP_BYTES)
  /** The same, four bytes at a time: nothing here depends on which of them comes first. */
  readonly #words = new Uint32Array(this.#bits.buffer)

  add(packed: Uint8Array): void {
    if (packed.length === BITMAP_BYTES) {
      const others = new Uint32Array(packed.buffer, packed.byteOffset, this.#words.length)
      for (let index = 0; index < others.length; index += 1) this.#words[index] = this.#at(index) | (others[index] ?? 0)
      return
    }
    for (let index = 0; index < packed.length; index += 2) {
      setBit(this.#bits, (packed[index] ?? 0) | ((packed[index + 1] ?? 0) << 8))
    }
  }

  keepOnly(others: OrderSet): void {
    for (let index = 0; index < this.#words.length; index += 1) this.#words[index] = this.#at(index) & others.#at(index)
  }

  remove(others: OrderSet): void {
    for (let index = 0; index < this.#words.length; index += 1)
      this.#words[index] = this.#at(index) & ~others.#at(index)
  }

  isEmpty(): boolean {
    return this.#words.every((word) => word === 0)
  }

  /** The highest places, at most so many of them and none above `highest`. */
  last(limit: number, highest: number): number[] {
    const places: number[] = []
    for (let index = highest >> 5; index >= 0 && places.length < limit; index -= 1) {
      if (this.#words[index] === 0) continue
      for (let place = Math.min(highest, index * 32 + 31); place >= index * 32 && places.length < limit; place -= 1) {
        if (((this.#bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0) places.push(place)
      }
    }
    return places
  }

  #at(index: number): number {
    return this.#words[index] ?? 0
  }
}

function setBit(bits: Uint8Array, place: number): void {
  bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7))
}
