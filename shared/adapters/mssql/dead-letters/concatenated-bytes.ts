/** Appends bytes to one parameter and returns their position there; null stays null. */
export type PlaceBytes = (value: Uint8Array | null) => { readonly at: number; readonly length: number } | null

export interface Concatenation {
  readonly place: PlaceBytes
  readonly concatenated: () => Uint8Array
}

/** Collects the bytes of many columns into one parameter. */
export function concatenation(): Concatenation {
  const parts: Uint8Array[] = []
  let at = 1 // T-SQL counts from 1
  return {
    place: (value) => {
      if (value === null) return null
      const placed = { at, length: value.length }
      parts.push(value)
      at += value.length
      return placed
    },
    concatenated: () => Buffer.concat(parts),
  }
}
