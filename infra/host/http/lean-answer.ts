import type { HttpAnswer } from './http-types.ts'
import { HEADER_NAME, HEADER_VALUE } from './lean-headers.ts'

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

interface PlainResult {
  readonly status?: unknown
  readonly headers?: unknown
  readonly jsonBody?: unknown
  readonly body?: unknown
  readonly cookies?: unknown
  readonly enableContentNegotiation?: unknown
}

/**
 * The response for results that functions commonly return: a plain object with an integer status, plain headers, and a
 * body that is JSON, text or bytes. Undefined for anything else, including malformed results. In that case, the library
 * converts the result through a fetch `Response`, which costs more than the rest of the request.
 */
export function leanAnswer(result: unknown): HttpAnswer | undefined {
  if (typeof result !== 'object' || result === null || Object.getPrototypeOf(result) !== Object.prototype) return
  const { status = 200, headers, jsonBody, body, cookies, enableContentNegotiation }: PlainResult = result
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) return
  if (enableContentNegotiation || (cookies !== undefined && !(Array.isArray(cookies) && cookies.length === 0))) return

  const lean = copyHeaders(headers)
  if (lean === undefined) return
  if (NO_BODY.has(status)) return { status, headers: lean, body: undefined }

  if (jsonBody !== undefined && jsonBody !== null) {
    const text: unknown = JSON.stringify(jsonBody)
    if (typeof text !== 'string') return
    lean['content-type'] ??= 'application/json'
    return { status, headers: lean, body: text }
  }
  if (body === undefined || body === null) return { status, headers: lean, body: undefined }
  if (typeof body === 'string') {
    lean['content-type'] ??= 'text/plain;charset=UTF-8'
    return { status, headers: lean, body }
  }
  return body instanceof Uint8Array ? { status, headers: lean, body } : undefined
}

function copyHeaders(headers: unknown): Record<string, string> | undefined {
  const copy: Record<string, string> = {}
  if (headers === undefined) return copy
  if (typeof headers !== 'object' || headers === null || Object.getPrototypeOf(headers) !== Object.prototype) return
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    const lower = HEADER_NAME.test(name) ? name : name.toLowerCase()
    if (!HEADER_NAME.test(lower) || lower in copy || typeof value !== 'string' || !HEADER_VALUE.test(value)) return
    copy[lower] = value
  }
  return copy
}
