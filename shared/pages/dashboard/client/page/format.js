/** Human-readable numbers and times, in English, with times in the reader's time zone. */

const UNKNOWN = 'unknown'
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' })

/** The name of the reader's time zone at a given time, such as "UTC" or "GMT+2". */
const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })

/** @param {string | number} [instant] */
export function zoneName(instant = Date.now()) {
  return zone.formatToParts(new Date(instant)).find(({ type }) => type === 'timeZoneName')?.value ?? ''
}

/** @param {number | null} value */
export function toCount(value) {
  if (value === null) return '–'
  return value < 1_000_000 ? whole.format(value) : compact.format(value)
}

/** @param {number} bytes */
export function toBytes(bytes) {
  const power = Math.max(0, Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes || 1) / 10)))
  return `${decimal.format(bytes / 1024 ** power)} ${BYTE_UNITS[power]}`
}

/** @param {number | null | undefined} perSecond */
export function toRate(perSecond) {
  if (perSecond === null || perSecond === undefined) return '–'
  return perSecond < 10 ? decimal.format(perSecond) : toCount(perSecond)
}

/** @param {number | null | undefined} ms */
export function toDuration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–'
  if (ms < 1000) return `${whole.format(ms)} ms`
  if (ms < 60_000) return `${decimal.format(ms / 1000)} s`
  if (ms < 3_600_000) return `${decimal.format(ms / 60_000)} min`
  return ms < 86_400_000 ? `${decimal.format(ms / 3_600_000)} h` : `${decimal.format(ms / 86_400_000)} days`
}

/**
 * The time between two instants in milliseconds. Undefined if either is unknown; a start at the beginning of 1970 also
 * counts as unknown. 0 if the clocks of two machines place the end before the start.
 *
 * @param {string | undefined} start
 * @param {string | undefined} end
 */
export function msBetween(start, end) {
  const [from, to] = [Date.parse(start ?? ''), Date.parse(end ?? '')]
  return from > 0 && !Number.isNaN(to) ? Math.max(0, to - from) : undefined
}

/**
 * The time of day with its zone, and the date unless it is today.
 *
 * @param {string | number | undefined} instant
 */
export function toTime(instant) {
  const time = toTimeOfRow(instant)
  return instant === undefined || time === UNKNOWN ? time : `${time} ${zoneName(instant)}`
}

/**
 * Like `toTime`, without the zone, for a column whose heading names the zone.
 *
 * @param {string | number | undefined} instant
 */
export function toTimeOfRow(instant) {
  if (instant === undefined) return '–'
  const when = new Date(instant)
  if (when.getTime() === 0) return UNKNOWN
  const isToday = when.toDateString() === new Date().toDateString()
  return isToday ? clock.format(when) : `${date.format(when)}, ${clock.format(when)}`
}

/**
 * The value for a `datetime-local` field, in the reader's time zone; empty if the text is not a time.
 *
 * @param {string} instant
 */
export function toLocalInput(instant) {
  const when = new Date(instant)
  if (Number.isNaN(when.getTime())) return ''
  const local = new Date(when.getTime() - when.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, when.getSeconds() === 0 ? 16 : 19)
}

/**
 * The RFC 3339 instant from a `datetime-local` field; empty if the field is empty.
 *
 * @param {string} local
 */
export function instantOf(local) {
  const when = new Date(local)
  return Number.isNaN(when.getTime()) ? '' : when.toISOString()
}

/** @param {{ totalPrice?: number, currencyType?: string }} order */
export function toMoney({ totalPrice, currencyType }) {
  if (totalPrice === undefined || currencyType === undefined) return '–'
  return new Intl.NumberFormat('en', { style: 'currency', currency: currencyType }).format(totalPrice)
}

/**
 * The end of the id, because ids of orders placed at about the same time share a prefix.
 *
 * @param {string} id
 */
export function toShortId(id) {
  return `…${id.slice(-12)}`
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function plural(count, one, many = `${one}s`) {
  return `${toCount(count)} ${count === 1 ? one : many}`
}
