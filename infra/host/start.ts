import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * `npm start`. Enables the compile cache before it imports anything else, so later starts need not strip types or
 * parse. A failed start prints one line and exits with 1.
 */
enableCompileCache()
const { startFailure } = await import('./start-failure.ts')

try {
  const { main } = await import('./main.ts')
  await main(join(import.meta.dirname, '..', '..'))
} catch (error) {
  process.stderr.write(`${startFailure(error, process.env)}\n`)
  process.exit(1)
}
