// Reads the AsyncAPI document as AsyncAPI's own tools do. Argument: the product's URL.
import { Parser } from '@asyncapi/parser'

const response = await fetch(`${process.argv[2]}/api/asyncapi.json`)
const { document, diagnostics } = await new Parser().parse(await response.text())
for (const { message, path, severity } of diagnostics) console.log(severity, path.join('/'), message)
if (document === undefined || diagnostics.some(({ severity }) => severity <= 1)) process.exit(1)
