/**
 * Times that others wrote. A record's timestamp is any 64-bit integer that its producer chose: microseconds read as
 * milliseconds give the year 58877, nanoseconds exceed every Date, and -1 stands for no time (KIP-32).
 */

/** Stands for an order's time if it is unknown. */
export const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z'

/** RFC 3339 writes a year in four digits, and so does SQL Server. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * How far two clocks may differ, in ms: more than two clocks that are set by NTP ever do, and less than any useful retry
 * delay.
 */
export const CLOCK_TOLERANCE_MS = 5000

/** The given milliseconds since 1970 if they lie between 1970 and 9999; undefined otherwise, because they are no real time. */
export function knownTime(ms: number): number | undefined {
  return ms > 0 && ms <= LAST_MS ? ms : undefined
}

/** The nearest whole number that JavaScript represents exactly; 0 for NaN. */
export function nearestSafeInteger(value: number): number {
  const whole = Math.trunc(value) || 0
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(whole, Number.MAX_SAFE_INTEGER))
}
