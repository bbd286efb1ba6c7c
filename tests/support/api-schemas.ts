import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** Describes how a value violates a schema of the document; an empty string if the value is valid. */
export type FaultOf = (schema: object, value: unknown) => string

/** Compiles the schemas of an OpenAPI document with the default options of ajv and ajv-formats. */
export function createSchemaCheck(components: { readonly schemas: object }): FaultOf {
  const ajv = new Ajv2020({ logger: false })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'document', $defs: moved(components.schemas) })
  const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
  return (schema, value) => {
    const text = JSON.stringify(moved(schema))
    const check = compiled.get(text) ?? ajv.compile(JSON.parse(text) as object)
    compiled.set(text, check)
    return check(value) ? '' : ajv.errorsText(check.errors)
  }
}

/** `components` is OpenAPI's keyword: JSON Schema keeps its definitions elsewhere. */
function moved(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"document#/$defs/')) as object
}
