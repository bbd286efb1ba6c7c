import type { Conversions } from '../../stores/rows.ts'

/** How values travel: ids and hashes as text, times as UTC text without a zone, numbers of 64 bits as text when read. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** DATETIME2 ends with the year 9999 and begins with the year 1; JavaScript's time goes on. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z')

/** Anything else would fail in the middle of a statement instead of being unknown. */
export function isOrderId(text: string): boolean {
  return UUID.test(text)
}

/** For DATETIME2(3); null for an invalid time, which a NOT NULL column refuses. */
export function toSqlTime(time: string | number): string | null {
  const ms = new Date(time).getTime()
  if (Number.isNaN(ms) || ms < FIRST_MS || ms > LAST_MS) return null
  return new Date(ms).toISOString().slice(0, -1)
}

export function fromSqlTime(time: Date): string {
  return time.toISOString()
}

/** The server writes ids in capitals. */
export function fromSqlId(orderId: string): string {
  return orderId.toLowerCase()
}

export const CONVERSIONS: Conversions<string, Date> = { fromId: fromSqlId, fromTime: fromSqlTime }

/** Text, so that no digit goes through a binary fraction: DECIMAL(19, 4) reads it. */
export function toSqlAmount(amount: number): string {
  return amount.toFixed(4)
}

/** The first units of a text, as many as a column holds, and no half of a character at the end. */
export function cut(text: string, units: number): string {
  if (text.length <= units) return text
  const last = text.charCodeAt(units - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units)
}
