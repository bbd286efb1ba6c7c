/** The header with the request id, which appears in the log and in the response. */
export const REQUEST_ID = 'x-request-id'

const SANE = /^[\w.:/+=~-]{1,128}$/

/**
 * The caller's id if it has 1 to 128 characters that never need escaping: letters, digits and `_.:/+=~-`. Any other id
 * is replaced by `own` without an error, because a malformed id does not justify refusing an order.
 */
export function requestIdOf(given: string | null | undefined, own: string): string {
  return given !== null && given !== undefined && SANE.test(given) ? given : own
}
