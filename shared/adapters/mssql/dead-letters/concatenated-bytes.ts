/** The position of bytes in a parameter that holds the bytes of many columns. */
export interface PlacedBytes {
  readonly at: number
  readonly length: number
}

/** Appends bytes to one parameter and returns their position there; null stays null. */
export function concatenation() {
  const parts: Uint8Array[] = []
  let at = 1 // T-SQL counts from 1
  return {
    place(value: Uint8Array | null): PlacedBytes | null {
      if (value === null) return null
      const placed = { at, length: value.length }
      parts.push(value)
      at += value.length
      return placed
    },
    concatenated: (): Uint8Array => Buffer.concat(parts),
  }
}
