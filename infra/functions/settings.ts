import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomSecret } from '../docker/env-file.ts'
import type { Environment } from '../../shared/settings/environment.ts'
import { readLocalSettings } from '../host/local-settings.ts'

const EXAMPLE = 'local.settings.example.json'

/** The settings that the runtime needs, with examples for a developer's machine. */
const NEEDED: Readonly<Record<string, string>> = {
  KAFKA_BROKERS: 'localhost:9092, after `npm run kafka`',
  SQL_CONNECTION_STRING: 'Server=localhost,1433;Database=orders;User Id=orders;Password=…;TrustServerCertificate=true',
}

/**
 * Creates local.settings.json from the example, with a new secret, unless the file already exists. Returns true if
 * it created the file.
 */
export function makeLocalSettings(root: string): boolean {
  const file = join(root, 'local.settings.json')
  if (existsSync(file)) return false
  copyFileSync(join(root, EXAMPLE), file)
  const filled = readFileSync(file, 'utf8').replace(/("ORDER_ID_SECRET":\s*)""/, `$1"${randomSecret()}"`)
  writeFileSync(file, filled, { mode: 0o600 })
  return true
}

/** The settings that functions get: the Values of local.settings.json, overridden by the environment. */
export function runtimeSettings(root: string, environment: Environment): Environment {
  const { values } = readLocalSettings(join(root, 'local.settings.json'), [])
  const given = Object.entries(environment).filter(([, value]) => value !== undefined)
  return { ...values, ...Object.fromEntries(given) }
}

/** One line that names the missing settings. Undefined if none is missing. */
export function missingSettings(root: string, environment: Environment): string | undefined {
  const settings = runtimeSettings(root, environment)
  const missing = Object.keys(NEEDED).filter((name) => !settings[name]?.trim())
  if (missing.length === 0) return undefined
  const examples = missing.map((name) => `${name} (for example ${NEEDED[name]})`).join(' and ')
  return `Set ${examples} in local.settings.json. Only \`npm start\` has a log and a store that need no server.`
}
