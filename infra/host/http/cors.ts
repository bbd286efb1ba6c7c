import type { HttpAnswer } from './http-types.ts'

export type Cors = ReturnType<typeof createCors>

const NONE: Readonly<Record<string, string>> = {}

/**
 * CORS is disabled if there are no origins; `*` allows any origin. All methods and headers are allowed, as with
 * `Host.CORS` for `func start`.
 */
export function createCors(origins: readonly string[]) {
  const anyOrigin = origins.includes('*')
  const allowed = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))

  /** The headers to add to a response to a request from this origin. */
  function headersFor(origin: string | undefined): Readonly<Record<string, string>> {
    if (allowed.size === 0) return NONE
    const vary = anyOrigin ? NONE : { vary: 'Origin' }
    if (origin === undefined || !(anyOrigin || allowed.has(origin.toLowerCase()))) return vary
    return {
      'access-control-allow-origin': anyOrigin ? '*' : origin,
      'access-control-expose-headers': '*',
      ...vary,
    }
  }

  return {
    headersFor,
    /** The response to a preflight request. Undefined for other requests, and if the origin is not allowed. */
    preflight(method: string, headers: Readonly<Record<string, string>>): HttpAnswer | undefined {
      const asked = headers['access-control-request-method']
      const answer = headersFor(headers['origin'])
      if (method !== 'OPTIONS' || asked === undefined || !('access-control-allow-origin' in answer)) return undefined
      const wanted = headers['access-control-request-headers']
      return {
        status: 204,
        headers: {
          ...answer,
          'access-control-allow-methods': asked,
          ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
          'access-control-max-age': '600',
        },
        body: undefined,
      }
    },
  }
}
