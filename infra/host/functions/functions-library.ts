import { createRequire } from 'node:module'
import type * as Library from '@azure/functions'

/**
 * The official library. It is loaded with `require`, because an `import` in Node 22 does not find all the named exports
 * of the library's CommonJS bundle (in Node 24 it does). Functions import only `app`, and that works in both versions.
 */
const library = createRequire(import.meta.url)('@azure/functions') as typeof Library

export const { HttpRequest, InvocationContext } = library
