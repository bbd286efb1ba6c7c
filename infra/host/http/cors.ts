import type { HttpAnswer } from './http-types.ts'

export interface Cors {
  /** The answer to a preflight request; undefined when the request is none or its origin is not allowed. */
  readonly preflight: (method: string, headers: Readonly<Record<string, string>>) => HttpAnswer | undefined
  /** What to add to the answer of a request from this origin. */
  readonly headersFor: (origin: string | undefined) => Readonly<Record<string, string>>
}

const NONE: Readonly<Record<string, string>> = {}

/** Off without origins; `*` allows any. Any method and header is allowed then, as `Host.CORS` does for `func start`. */
export function createCors(origins: readonly string[]): Cors {
  const anyOrigin = origins.includes('*')
  const allowed = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))

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
    preflight(method, headers) {
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
