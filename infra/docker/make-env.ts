import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillEnv } from './env-file.ts'

/**
 * `node infra/docker/make-env.ts [.env]`: fills .env from .env.example, with a random value for every secret. Existing
 * values are kept, because volumes and issued ids depend on them. If one cannot be read, prints which line, changes
 * nothing and exits with 1.
 */
const ROOT = join(import.meta.dirname, '..', '..')
const [file = join(ROOT, '.env')] = process.argv.slice(2)

try {
  fill()
} catch (error) {
  process.stderr.write(`${file}: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function fill(): void {
  const present = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const filled = fillEnv(readFileSync(join(ROOT, '.env.example'), 'utf8'), present)
  if (filled === present) {
    process.stdout.write(`${file} is complete; nothing was changed.\n`)
  } else {
    // Written to another file that is then renamed, so an interrupted write does not lose a secret.
    writeFileSync(`${file}.new`, filled, { mode: 0o600 })
    renameSync(`${file}.new`, file)
    process.stdout.write(`Filled ${file}. Keep it for as long as you keep the volumes, which depend on it.\n`)
  }
}
