import { z } from 'zod'
import { CHANGE_SCHEMAS } from './change-schemas.ts'
import { DEAD_LETTER_SCHEMAS } from './dead-letter-schemas.ts'
import { MAINTENANCE_SCHEMAS } from './maintenance-schemas.ts'
import { ORDER_SCHEMAS } from './order-schemas.ts'
import { makePortable } from './portable-schema.ts'
import { STATUS_SCHEMAS } from './status-schemas.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * The schemas that have a name in the documents. All others are inlined where they are used. Generators create types
 * and constructors from these names (`NewOrder()` creates an `Order` in Go), and name other schemas after their
 * position (`Rebuild.state` becomes `RebuildState`). A test rejects names that collide with generated ones.
 */
const NAMED = {
  ...ORDER_SCHEMAS,
  ...CHANGE_SCHEMAS,
  ...DEAD_LETTER_SCHEMAS,
  ...STATUS_SCHEMAS,
  ...MAINTENANCE_SCHEMAS,
} as const satisfies Record<string, z.ZodType>

export type SchemaName = keyof typeof NAMED

export function schemaRef(name: SchemaName): JsonObject {
  return { $ref: `#/components/schemas/${name}` }
}

const override = ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) => makePortable(jsonSchema)

/** The named schemas as JSON Schema 2020-12, which OpenAPI 3.1 embeds unchanged. They refer to one another by name. */
export function namedJsonSchemas(): Record<string, JsonObject> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
    override,
  })
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutIdentity(schema)]))
}

/** The JSON Schema of one zod schema, without references to other schemas. */
export function jsonSchema(schema: z.ZodType): JsonObject {
  return withoutIdentity(z.toJSONSchema(schema, { io: 'input', override }))
}

/** A query's parameters with their logical type, such as integer, although they arrive as text. */
export function queryParameters(schema: z.ZodObject): JsonObject[] {
  const { properties } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any', override })
  const { required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property as JsonObject & { description?: string }
    return { name, in: 'query', required: required.includes(name), description, schema: rest }
  })
}

function withoutIdentity(schema: object): JsonObject {
  const { $schema: _, $id: __, ...rest } = schema as Record<string, unknown>
  return rest
}
