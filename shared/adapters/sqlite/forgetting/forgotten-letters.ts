import { createRequire } from 'node:module'
import { extname } from 'node:path'
import type * as letters from '../../stores/forgetting/forgotten-letters.ts'

const require = createRequire(import.meta.url)

/**
 * The functions that remove personal data from letters. They need zod, which takes 50 ms of CPU time and 10 MB of memory
 * in a thread. So they are loaded only when the first letter of a forgotten customer is handled. They are not loaded
 * with `import()`, because a transaction cannot wait for a promise.
 */
export function forgottenLetters(): typeof letters {
  return require(`../../stores/forgetting/forgotten-letters${extname(import.meta.url)}`) as typeof letters
}
