import { z } from 'zod'
import { OrderError, type Violation } from '../../domain/errors.ts'
import { expected, violationsOf } from '../../domain/violations.ts'

/** The host reads the function key from `?code=`. */
const HOST_PARAMETERS: ReadonlySet<string> = new Set(['code'])

/**
 * The validated query parameters. An unknown name is refused, because ignoring a misspelt filter would return
 * everything. A repeated name is refused, because it would be unclear which value counts.
 */
export function readQuery<Schema extends z.ZodObject>(query: URLSearchParams, schema: Schema): z.output<Schema> {
  const violations: Violation[] = []
  const values = new Map<string, string>()
  for (const [name, value] of query) {
    if (HOST_PARAMETERS.has(name)) continue
    if (!Object.hasOwn(schema.shape, name))
      violations.push({ pointer: name.slice(0, 100), detail: 'is not a parameter of this route' })
    else if (values.has(name)) violations.push({ pointer: name, detail: 'must appear only once' })
    else values.set(name, value)
  }
  const parsed = schema.safeParse(Object.fromEntries(values))
  if (!parsed.success) {
    violations.push(...violationsOf(parsed.error).map(({ pointer, detail }) => ({ pointer: pointer.slice(1), detail })))
  }
  if (violations.length === 0 && parsed.success) return parsed.data
  const [first] = violations
  throw new OrderError('invalid-request', `The query parameter ${first?.pointer} ${first?.detail}.`, {
    violations: violations.slice(0, 50),
  })
}

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max: number) {
  const fault = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,16}$/, { error: fault })
    .transform(Number)
    .pipe(z.int({ error: fault }).min(min, { error: fault }).max(max, { error: fault }))
}

/** An RFC 3339 instant. An unencoded `+` arrives as a space, so a space is read as `+`. */
export const instant = z
  .string()
  .max(40, { error: 'must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z' })
  .transform((text) => text.replace(' ', '+'))
  .pipe(z.iso.datetime({ offset: true, error: 'must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z' }))
  .transform((text) => new Date(text).toISOString())
  .meta({ type: 'string', format: 'date-time' }) // for the API documents, which cannot show a transform

/** The bounds of a time range. */
export const from = instant.describe('From this time on (RFC 3339), inclusive.')
export const to = instant.describe('Before this time (RFC 3339), exclusive.')

const limit = wholeNumber(1, 200).default(50).describe('The maximum number of items on the page.')
export const cursor = z
  .string()
  .min(1, { error: 'must not be empty' })
  .max(500, { error: 'is not a cursor of this list' })
  .describe('The `nextCursor` of the previous page. Absent for the first page.')

/** The parameters of every list. */
export const pageQuery = { limit, cursor: z.exactOptional(cursor) }

export const shortText = z
  .string({ error: 'must be a string' })
  .min(1, { error: 'must not be empty' })
  .max(200, { error: 'must have at most 200 characters' })

const words = z
  .string({ error: expected('must be a string') })
  .max(200, { error: 'must have at most 200 characters' })
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode' })

export const searchText = words
  .min(1, { error: 'must not be empty' })
  .describe(
    'Words or prefixes of words, all of which must occur; case and accents do not matter. Matches names, items, item codes, e-mail addresses, and an order id or its last twelve digits.',
  )
