import { z } from 'zod'
import { OrderError, type Violation } from '../../domain/errors.ts'
import type { Parser } from '../../domain/validation/quick-parse.ts'
import { violationsOf } from '../../domain/violations.ts'

/** The body, validated. Throws an error with the given code and a pointer to each violation. */
export function validated<T>(parser: Parser<T>, body: unknown, code: 'invalid-order' | 'invalid-request'): T {
  const parsed = parser.safeParse(body)
  if (parsed.success) return parsed.data
  throw invalidBody(code, violationsOf(parsed.error))
}

/** The error for an invalid body; the message describes the first violation. */
export function invalidBody(
  code: 'invalid-order' | 'invalid-change' | 'invalid-request',
  violations: readonly Violation[],
): OrderError {
  const [first] = violations
  return new OrderError(code, `${first?.pointer || 'The body'} ${first?.detail}.`, { violations })
}

/**
 * The error for one invalid value. `name` is what the message calls the value; `pointer` is its position in the
 * request.
 */
export function invalidRequest(name: string, pointer: string, detail: string): OrderError {
  return new OrderError('invalid-request', `${name} ${detail}.`, { violations: [{ pointer, detail }] })
}

/** A whole number in a JSON body. */
export function integer(min: number, max: number) {
  return z
    .int({ error: 'must be a whole number' })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` })
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` })
}

/** `true` or `false` in a JSON body. */
export const flag = z.boolean({ error: 'must be true or false' })

/** `true` or `false` in a query. */
export const flagText = z.enum(['true', 'false'], { error: 'must be true or false' })
