import type { HttpRequest } from '@azure/functions'
import { invalidRequest } from './validated.ts'

/** The longest wait that a caller can request, in seconds. */
export const MAX_WAIT_SECONDS = 30

/**
 * `Prefer: wait=N` (RFC 7240 §4.3) in seconds, at most 30; 0 if the header is absent. Unknown and malformed preferences
 * are ignored, as the RFC requires.
 */
export function waitSeconds(request: HttpRequest): number {
  for (const preference of (request.headers.get('prefer') ?? '').split(',')) {
    const wait = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1]
    if (wait !== undefined) return Math.min(Number(wait), MAX_WAIT_SECONDS)
  }
  return 0
}

export function preferenceApplied(seconds: number): Record<string, string> {
  return seconds === 0 ? {} : { 'preference-applied': `wait=${seconds}` }
}

const MAX_KEY_LENGTH = 255

/**
 * The Idempotency-Key of a request: a Structured Field string (`"8e03978e"`) as the IETF draft specifies, or unquoted,
 * as most clients send it. Throws `invalid-request` for any other format, and if the header is sent twice.
 */
export function idempotencyKeyOf(request: HttpRequest): string | undefined {
  const header = request.headers.get('idempotency-key')
  if (header === null) return undefined
  const value = header.trim()
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(value)?.[1]?.replaceAll(/\\(["\\])/g, '$1')
  const bare = /^[\x21\x23-\x2b\x2d-\x7e]+$/.test(value) ? value : undefined
  const key = quoted ?? bare
  if (key !== undefined && key.length >= 1 && key.length <= MAX_KEY_LENGTH) return key
  const detail = `must be one key of 1 to ${MAX_KEY_LENGTH} visible ASCII characters, in double quotes or bare`
  throw invalidRequest('The Idempotency-Key header', 'Idempotency-Key', detail)
}
