import { join } from 'node:path'

/** `npm start`. A failed start prints one line and exits with 1. */
const { startFailure } = await import('./start-failure.ts')

try {
  const { main } = await import('./main.ts')
  await main(join(import.meta.dirname, '..', '..'))
} catch (error) {
  process.stderr.write(`${startFailure(error, process.env)}\n`)
  process.exit(1)
}
