import { createRequire } from 'node:module'
import type * as Library from '@azure/functions'

/**
 * The official library, by `require`, as its bundle is CommonJS whose names Node 22 does not find for an `import`
 * (Node 24 does). Functions themselves import only `app`, which both find.
 */
const library = createRequire(import.meta.url)('@azure/functions') as typeof Library

export const { HttpRequest, InvocationContext } = library
