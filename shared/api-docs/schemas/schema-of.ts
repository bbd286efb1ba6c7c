import { z } from 'zod'

/**
 * The schema of an object with the type's members. A member that is missing or described differently is a compile-time
 * error, so the documents cannot fall behind the responses.
 */
export function schemaOf<T>() {
  return <Shape extends { readonly [Member in keyof T]-?: z.ZodType }>(
    shape: z.output<z.ZodObject<Shape>> extends T ? Shape : never,
  ): z.ZodObject<Shape> => z.object(shape)
}

/** A timestamp in a response. */
export const instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, in UTC.' })

/** A number of records, or an offset in a partition. */
export const count = z.int().min(0)

export const nextCursor = z
  .string()
  .nullable()
  .describe('Opaque. Send it as `cursor` to get the next page. Null on the last page.')

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor })
}
