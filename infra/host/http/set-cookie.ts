import type { RpcHttpCookie } from '../functions/rpc.ts'

const SAME_SITE = { lax: 'lax', strict: 'strict', explicitNone: 'none', none: undefined } as const

/**
 * A Set-Cookie header as the runtime writes it (ASP.NET's ResponseCookies.Append): name and value percent-encoded, the
 * path `/` unless another is given, attribute names in lower case.
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

/** An attribute cannot end itself and begin another. */
function plain(value: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return value.replace(/[\u0000-\u001f\u007f;,]/g, '')
}
