import { join } from 'node:path'
import { startFailure } from './start-failure.ts'

/** `npm start`. A failed start prints one line and exits with 1. */
try {
  const { main } = await import('./main.ts')
  await main(join(import.meta.dirname, '..', '..'))
} catch (error) {
  process.stderr.write(`${startFailure(error, process.env)}\n`)
  process.exit(1)
}
