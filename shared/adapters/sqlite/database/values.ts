import type { Conversions } from '../../stores/rows.ts'

/** The file stores ids and hashes as bytes, timestamps in milliseconds, and booleans as 1 and 0. */

/**
 * Expects a canonical UUID. Storing an order calls this three times, and slicing takes half as long as `replaceAll`.
 */
export function toIdBytes(id: string): Uint8Array {
  return Buffer.from(id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24), 'hex')
}

export function toIdBytesOrNull(id: string | null | undefined): Uint8Array | null {
  return id == null ? null : toIdBytes(id)
}

/** Ids as a JSON array of hexadecimal strings, which a query converts with `unhex(value)`. */
export function toIdList(ids: readonly string[]): string {
  return JSON.stringify(ids.map((id) => id.replaceAll('-', '')))
}

export function fromIdBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Text that is not hexadecimal yields too few bytes, so the column's length check refuses it. */
export function toHashBytes(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex')
}

export function fromHashBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** An invalid timestamp becomes NaN, which SQLite stores as NULL, so a NOT NULL column refuses it. */
export function toMs(time: string): number {
  return Date.parse(time)
}

export function fromMs(ms: number): string {
  return new Date(ms).toISOString()
}

export const CONVERSIONS: Conversions<Uint8Array, number> = { fromId: fromIdBytes, fromTime: fromMs }

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
