import type { z } from 'zod'

const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 }

/**
 * Adapts zod's schema so that validators and generators in other languages interpret it correctly. The schema states
 * the width of each number, because otherwise Java clients would store an integer in 32 bits, and Go clients would
 * store an amount with 24 bits of precision, both without an error.
 */
export function makePortable(schema: z.core.JSONSchema.BaseSchema): void {
  withoutSurrogates(schema)
  if (isWhole(schema)) Object.assign(schema, { type: 'integer', format: fitsInt32(schema) ? 'int32' : 'int64' })
  else if (schema.type === 'number') schema.format = 'double'
}

/** UTF-8 cannot encode a lone surrogate, and many regular expression engines reject one in a pattern. */
function withoutSurrogates(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.pattern !== undefined) schema.pattern = schema.pattern.replaceAll(String.raw`\ud800-\udfff`, '')
}

function isWhole({ type, enum: values }: z.core.JSONSchema.BaseSchema): boolean {
  return type === 'integer' || (type === 'number' && values !== undefined && values.every(Number.isSafeInteger))
}

function fitsInt32({ minimum, maximum, enum: values }: z.core.JSONSchema.BaseSchema): boolean {
  const bounds = values ?? [minimum ?? -Infinity, maximum ?? Infinity]
  return bounds.every((bound) => Number(bound) >= INT32.min && Number(bound) <= INT32.max)
}
