/**
 * Handles timestamps from other producers. A record's timestamp is any 64-bit integer that its producer chose:
 * microseconds read as milliseconds yield the year 58877, nanoseconds exceed the range of Date, and -1 means no
 * timestamp (KIP-32).
 */

export const DAY_MS = 86_400_000

/** Used when an order's time is unknown. */
export const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z'

/** The latest time with a four-digit year, the limit of RFC 3339 and of SQL Server. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * The tolerated difference between two clocks, in ms: more than NTP-synchronised clocks ever differ, and less than any
 * useful retry delay.
 */
export const CLOCK_TOLERANCE_MS = 5000

/**
 * The given Unix time in ms if it lies between 1970 and 9999; undefined otherwise, because it cannot be a real time.
 */
export function knownTime(ms: number): number | undefined {
  return ms > 0 && ms <= LAST_MS ? ms : undefined
}

/** The duration in words, such as `90 days` or `60 s`, rounded to a tenth. */
export function durationInWords(ms: number): string {
  const [amount, unit] = ms >= DAY_MS ? [ms / DAY_MS, 'days'] : [ms / 1000, 's']
  return `${Math.round(amount * 10) / 10} ${unit}`
}

/** The nearest safe integer; 0 for NaN. */
export function nearestSafeInteger(value: number): number {
  const whole = Math.trunc(value) || 0
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(whole, Number.MAX_SAFE_INTEGER))
}
