import type { z } from 'zod'
import type { Violation } from './errors.ts'

/** Limits the size of the response; more violations would not help the caller. */
const MAX_VIOLATIONS = 50
/** Limits the length of names in pointers, because a member's name may be as long as the body. */
const MAX_NAME_LENGTH = 100

/** Converts zod's issues to the form in RFC 9457's example: an RFC 6901 JSON pointer and a reason. */
export function violationsOf(error: Pick<z.ZodError, 'issues'>): Violation[] {
  return error.issues.slice(0, MAX_VIOLATIONS).map((issue) => ({
    pointer: issue.path.map((part) => `/${escapePointer(String(part))}`).join(''),
    detail: issue.message,
  }))
}

/** A zod `error` that distinguishes a missing value from a wrong one. */
export function expected(what: string): (issue: { input?: unknown }) => string {
  return ({ input }) => (input === undefined ? 'is required' : what)
}

/** Escapes a member name for an RFC 6901 pointer. Names longer than 100 UTF-16 code units are truncated. */
export function escapePointer(part: string): string {
  return part.slice(0, MAX_NAME_LENGTH).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}
