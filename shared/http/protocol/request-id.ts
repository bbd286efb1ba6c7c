/** The name of one request, by which a caller and the operators' log mean the same one. */
export const REQUEST_ID = 'x-request-id'

const SANE = /^[\w.:/+=~-]{1,128}$/

/**
 * The caller's own id when it is 1 to 128 characters that need no escaping anywhere: letters, digits and `_.:/+=~-`. Any
 * other is replaced by `own` without an error, because a bad name is no reason to refuse an order.
 */
export function requestIdOf(given: string | null | undefined, own: string): string {
  return given !== null && given !== undefined && SANE.test(given) ? given : own
}
