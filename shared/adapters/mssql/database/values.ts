import type { Conversions } from '../../stores/rows.ts'

/**
 * Ids and hashes are sent as text, and timestamps as UTC text without a time zone. 64-bit integers are read as text.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** DATETIME2 covers the years 1 to 9999, a smaller range than that of JavaScript's dates. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z')

/** Text that is not a UUID would make a statement fail instead of matching no order. */
export function isOrderId(text: string): boolean {
  return UUID.test(text)
}

/**
 * Text for DATETIME2(3); null for a timestamp that is invalid or out of range, so that a NOT NULL column refuses it.
 */
export function toSqlTime(time: string | number): string | null {
  const ms = new Date(time).getTime()
  if (Number.isNaN(ms) || ms < FIRST_MS || ms > LAST_MS) return null
  return new Date(ms).toISOString().slice(0, -1)
}

/**
 * Like `toSqlTime`, but for a time with which stored times are compared: a time that is out of range becomes the
 * nearest one that DATETIME2 has, because a comparison with NULL matches no row.
 */
export function toSqlBound(time: string | number): string | null {
  return toSqlTime(Math.min(Math.max(new Date(time).getTime(), FIRST_MS), LAST_MS))
}

export function fromSqlTime(time: Date): string {
  return time.toISOString()
}

/** The server returns ids in upper case. */
export function fromSqlId(orderId: string): string {
  return orderId.toLowerCase()
}

export const CONVERSIONS: Conversions<string, Date> = { fromId: fromSqlId, fromTime: fromSqlTime }

/** The amount as text for DECIMAL(19, 4), so that no digit is lost in binary floating point. */
export function toSqlAmount(amount: number): string {
  return amount.toFixed(4)
}

/** The first `units` UTF-16 code units of a string, or one fewer if the last one would be half of a surrogate pair. */
export function cut(text: string, units: number): string {
  if (text.length <= units) return text
  const last = text.charCodeAt(units - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units)
}
