/**
 * W3C Trace Context: lower-case hex, and neither id is all zeros. Later versions are parsed like version 00.
 */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text)
}

const PRINTABLE = /^[\t\x20-\x7e]*$/
const MEMBER = /^[a-z0-9][a-z0-9_*/@-]{0,255}=[^,=\t]{1,256}$/
const MAX_MEMBERS = 32

/**
 * A W3C `tracestate`: a list of at most 32 members of the form `key=value`. Members may be empty, but the text must not
 * be blank.
 */
export function isTracestate(text: string): boolean {
  if (text.trim() === '') return false
  const members = text.split(',', MAX_MEMBERS + 1).map((member) => member.trim())
  const isList = members.length <= MAX_MEMBERS && members.every((member) => member === '' || MEMBER.test(member))
  return isList && PRINTABLE.test(text)
}

/** The trace id of a valid traceparent, for logs. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent?.slice(3, 35)
}
