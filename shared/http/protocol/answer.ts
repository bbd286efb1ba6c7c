import { hash } from 'node:crypto'
import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { Page } from '../../ports/order-views.ts'

/** For responses that must not be cached. */
export const FRESH = { 'cache-control': 'no-store' }

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' }

export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit {
  return { status, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(body) }
}

/**
 * 200 with an ETag for exactly these bytes, or 304 if the caller already has them (RFC 9110 §13.1.2). The ETag of a
 * versioned resource begins with the version, so that `If-Match` can refer to it.
 */
export function revalidated(
  request: HttpRequest,
  body: unknown,
  headers: Record<string, string> = {},
  version?: number,
): HttpResponseInit {
  const text = JSON.stringify(body)
  return unlessKnown(request, { etag: etagOf(text, version), body: text, headers: { ...JSON_HEADERS, ...headers } })
}

/** Like `revalidated`, for a serialised body. */
export function unlessKnown(
  request: HttpRequest,
  { etag, body, headers }: { etag: string; body: string | Uint8Array; headers: Record<string, string> },
): HttpResponseInit {
  const { 'content-type': type, ...others } = headers
  const always = { etag, 'cache-control': 'no-cache', ...others }
  if (isKnown(request.headers.get('if-none-match'), etag)) return { status: 304, headers: always }
  return { status: 200, headers: { ...(type !== undefined && { 'content-type': type }), ...always }, body }
}

export function etagOf(body: string | Uint8Array, version?: number): string {
  const ofVersion = version === undefined ? '' : `${version}-`
  return `"${ofVersion}${hash('sha256', body, 'base64url').slice(0, 22)}"`
}

function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  const known = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes(etag) || known.includes('*')
}

/** `{items, nextCursor}`, with a relative link to the next page in the Link header (RFC 8288). */
export function page<T>(request: HttpRequest, { items, nextCursor }: Page<T>): HttpResponseInit {
  if (nextCursor === null) return json(200, { items, nextCursor })
  const next = new URL(request.url)
  next.searchParams.delete('code')
  next.searchParams.set('cursor', nextCursor)
  return json(200, { items, nextCursor }, { link: `<${next.pathname}${next.search}>; rel="next"` })
}
