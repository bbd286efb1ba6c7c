import type { RpcHttpCookie } from '../functions/rpc.ts'

const SAME_SITE = { lax: 'lax', strict: 'strict', explicitNone: 'none', none: undefined } as const

/**
 * Writes a Set-Cookie header as the runtime does (ASP.NET's ResponseCookies.Append): the name and the value are
 * percent-encoded, the default path is `/`, and attribute names are in lower case.
 */
export function toSetCookie(cookie: RpcHttpCookie): string {
  const sameSite = SAME_SITE[cookie.sameSite ?? 'none']
  const expires = cookie.expires?.value
  const maxAge = cookie.maxAge?.value
  return [
    `${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`,
    ...(expires === undefined ? [] : [`expires=${new Date(expires.seconds * 1000).toUTCString()}`]),
    ...(maxAge === undefined ? [] : [`max-age=${Math.trunc(maxAge)}`]),
    ...(cookie.domain?.value === undefined ? [] : [`domain=${plain(cookie.domain.value)}`]),
    `path=${plain(cookie.path?.value ?? '/')}`,
    ...(cookie.secure?.value === true ? ['secure'] : []),
    ...(sameSite === undefined ? [] : [`samesite=${sameSite}`]),
    ...(cookie.httpOnly?.value === true ? ['httponly'] : []),
  ].join('; ')
}

/** Removes characters that would let a value start another attribute. */
function plain(value: string): string {
  // oxlint-disable-next-line no-control-regex -- removes control characters
  return value.replace(/[\u0000-\u001f\u007f;,]/g, '')
}
