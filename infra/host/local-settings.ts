import { existsSync, readFileSync } from 'node:fs'
import { messageOf, OrderError } from '../../shared/domain/errors.ts'

/** Settings that the runtime, its worker and Node read. */
const OF_OTHERS = /^(?:AzureWebJobs|AzureFunctions|FUNCTIONS_|WEBSITE_|languageWorkers|NODE_)/i

export interface LocalSettings {
  readonly values: Readonly<Record<string, string>>
  /** Names in the file that are unknown, and probably misspelt. */
  readonly unknown: readonly string[]
}

/**
 * The Values in local.settings.json, which `func start` also reads; empty if there is no such file. Throws
 * `invalid-setting` if the file cannot be used.
 */
export function readLocalSettings(file: string, knownNames: readonly string[]): LocalSettings {
  if (!existsSync(file)) return { values: {}, unknown: [] }
  const { IsEncrypted: isEncrypted, Values: given = {} } = parse(file)
  if (isEncrypted === true) throw refused(file, 'it is encrypted; run `func settings decrypt`')
  if (typeof given !== 'object' || given === null) throw refused(file, 'Values is not an object')

  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'object') throw refused(file, `the value of ${name} is not a string`)
    values[name] = String(value)
  }
  const known = new Set(knownNames)
  const unknown = Object.keys(values).filter((name) => !known.has(name) && !OF_OTHERS.test(name))
  return { values, unknown }
}

function parse(file: string): { IsEncrypted?: unknown; Values?: unknown } {
  try {
    return JSON.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, '')) as object
  } catch (error) {
    throw refused(file, messageOf(error), error)
  }
}

function refused(file: string, why: string, cause?: unknown): OrderError {
  return new OrderError('invalid-setting', `${file} cannot be used: ${why}.`, { cause })
}
