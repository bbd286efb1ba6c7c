import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillEnv } from './env-file.ts'

/**
 * `node infra/docker/make-env.ts [.env]`: fills .env from .env.example, with a random value for every secret. What .env
 * has already stays, for volumes and issued ids were made with it.
 */
const ROOT = join(import.meta.dirname, '..', '..')
const [file = join(ROOT, '.env')] = process.argv.slice(2)

const present = existsSync(file) ? readFileSync(file, 'utf8') : ''
const filled = fillEnv(readFileSync(join(ROOT, '.env.example'), 'utf8'), present)
if (filled === present) {
  process.stdout.write(`${file} has everything already.\n`)
} else {
  // Written beside and renamed, so that a write that is cut short costs no secret.
  writeFileSync(`${file}.new`, filled, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  process.stdout.write(`${file} is filled; keep it as long as the volumes that are made with it.\n`)
}
