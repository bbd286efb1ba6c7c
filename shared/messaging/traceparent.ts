/** W3C Trace Context, version 00 and later ones read as 00: lower-case hex, and neither id all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text)
}

/** The trace id of a valid traceparent: what logs carry. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent?.slice(3, 35)
}
