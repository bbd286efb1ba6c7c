import { z } from 'zod'

/** The parser's interface, which zod's schemas and `quickParse` share. */
export interface Parser<T> {
  safeParse(value: unknown): z.ZodSafeParseResult<T>
}

/** Returns the schema's output for the value, or UNSURE if zod has to decide. */
type Read = (value: unknown) => unknown
const UNSURE = Symbol('unsure')

/**
 * Parses exactly as the schema does, but is several times faster for a valid value, because zod creates objects for
 * each member in case the member has a fault. A value that may be invalid is left to zod, which finds its faults. A
 * value for a kind of schema that this function does not know is also left to zod.
 */
export function quickParse<Schema extends z.ZodType>(schema: Schema): Parser<z.output<Schema>> {
  const read = readerOf(schema)
  return {
    safeParse(value) {
      const data = read(value)
      return data === UNSURE ? schema.safeParse(value) : { success: true, data: data as z.output<Schema> }
    },
  }
}

function readerOf(schema: z.core.$ZodType): Read {
  if (schema instanceof z.ZodString) return checked(schema, (value) => (typeof value === 'string' ? value : UNSURE))
  if (schema instanceof z.ZodNumber) return checked(schema, (value) => (Number.isFinite(value) ? value : UNSURE))
  if (schema instanceof z.ZodArray) return checked(schema, arrayReader(readerOf(schema.element)))
  if (schema instanceof z.ZodObject && schema.def.catchall === undefined)
    return checked(schema, objectReader(schema.shape))
  if (schema instanceof z.ZodExactOptional) return checked(schema, readerOf(schema.unwrap()))
  const { values } = schema._zod
  return values === undefined ? () => UNSURE : listedReader(schema, values)
}

/** Applies the schema's checks to values of the right type. */
function checked(schema: z.core.$ZodType, read: Read): Read {
  const checks = [...(isCheck(schema) ? [schema] : []), ...(schema._zod.def.checks ?? [])]
  if (checks.length === 0) return read
  const payload: z.core.ParsePayload<never> = { value: undefined as never, issues: [] }
  return function readChecked(value) {
    const given = read(value)
    if (given === UNSURE) return UNSURE
    payload.value = given as never
    for (let index = 0; index < checks.length; index += 1) {
      const pending = checks[index]?._zod.check(payload)
      if (pending === undefined && payload.issues.length === 0) continue
      payload.issues = []
      return UNSURE
    }
    return payload.value
  }
}

/** Some schemas, such as `z.int()`, are also checks: zod runs such a schema itself before the checks added to it. */
function isCheck(schema: z.core.$ZodType): schema is z.core.$ZodType & z.core.$ZodCheck {
  return schema._zod.traits.has('$ZodCheck')
}

function arrayReader(readElement: Read): Read {
  return function readArray(value) {
    if (!Array.isArray(value)) return UNSURE
    const result: unknown[] = []
    for (let index = 0; index < value.length; index += 1) {
      const element = readElement(value[index])
      if (element === UNSURE) return UNSURE
      result.push(element)
    }
    return result
  }
}

function objectReader(shape: z.core.$ZodShape): Read {
  const members = Object.entries(shape).map(([name, schema]) => ({
    name,
    isOptional: schema instanceof z.ZodExactOptional,
    read: readerOf(schema),
  }))
  return function readObject(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return UNSURE
    const result: Record<string, unknown> = {}
    for (const { name, isOptional, read } of members) {
      const given: unknown = (value as Record<string, unknown>)[name]
      if (given === undefined && isOptional && !(name in value)) continue
      const member = read(given)
      if (member === UNSURE) return UNSURE
      result[name] = member
    }
    return result
  }
}

/** For a schema that accepts only certain values. Parses each value once in advance, then looks up the result. */
function listedReader(schema: z.core.$ZodType, values: Iterable<unknown>): Read {
  const results = new Map([...values].map((value) => [value, z.parse(schema, value)]))
  return (value) => results.get(value) ?? UNSURE
}
