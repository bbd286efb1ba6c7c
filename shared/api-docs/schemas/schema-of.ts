import { z } from 'zod'

/**
 * A schema that describes exactly what the type says: the compiler complains about a member that is missing from either,
 * so a document made from the schema cannot fall behind the answers.
 */
export function schemaOf<T>() {
  return <Schema extends z.ZodType<T>>(schema: [keyof T] extends [keyof z.output<Schema>] ? Schema : never): Schema =>
    schema
}

/** An instant as every answer writes it. */
export const instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, in UTC.' })

/** A number of records, or a position in a partition. */
export const count = z.int().min(0)
