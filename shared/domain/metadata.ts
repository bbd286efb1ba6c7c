import { z } from 'zod'
import { text } from './validation/text.ts'

/** The caller's own data about an order. The product stores and returns the data but never interprets it. */
export type Metadata = Readonly<Record<string, string>>

const MAX_ENTRIES = 20
const MAX_VALUE_LENGTH = 500

const NAME_FAULT = 'must have a name of 1 to 40 letters, digits, "_", "." and "-"'

/**
 * The entries are sorted, because JSON objects are unordered: an order must have the same hash if it is sent again with
 * the same entries in a different sequence.
 */
export const metadataSchema = z
  .record(z.string().regex(/^[A-Za-z0-9_.-]{1,40}$/), text(0, MAX_VALUE_LENGTH, 'many lines'), {
    error: ({ code }) => (code === 'invalid_key' ? NAME_FAULT : 'must be an object'),
  })
  .refine((metadata) => Object.keys(metadata).length <= MAX_ENTRIES, {
    error: `must have at most ${MAX_ENTRIES} entries`,
  })
  .meta({
    maxProperties: MAX_ENTRIES,
    description: `The caller's own data, kept with the order: at most ${MAX_ENTRIES} strings of at most ${MAX_VALUE_LENGTH} characters.`,
  })
  .transform((metadata): Metadata => Object.fromEntries(Object.entries(metadata).sort(byName)))

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1
}
