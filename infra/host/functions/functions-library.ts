import { createRequire } from 'node:module'
import type * as Library from '@azure/functions'

/**
 * The official library. It is loaded with `require`, because in an `import` Node 22 does not find all named exports of
 * its CommonJS bundle (Node 24 does). Functions import only `app`, which both versions find.
 */
const library = createRequire(import.meta.url)('@azure/functions') as typeof Library

export const { HttpRequest, InvocationContext } = library
