import { accessSync, constants } from 'node:fs'
import { readConnectionString } from '../../shared/adapters/mssql/database/connection-string.ts'
import { readConfig, SETTING_NAMES } from '../../shared/settings/config.ts'
import { isOrderError } from '../../shared/domain/errors.ts'
import type { Environment } from '../../shared/settings/environment.ts'
import { settingsWithoutEffect } from '../../shared/settings/settings-without-effect.ts'

/**
 * Names the first setting that keeps the functions from starting in the runtime. Undefined if all settings are valid.
 */
export function settingsFault(environment: Environment): string | undefined {
  try {
    const { kafka, sqlConnectionString } = readConfig(environment, 'functions')
    if (sqlConnectionString !== undefined) readConnectionString(sqlConnectionString)
    const ca = kafka?.sslCa
    if (ca !== undefined && !ca.includes('-----BEGIN') && !isReadable(ca)) {
      return `KAFKA_SSL_CA names ${ca}, which cannot be read.`
    }
    return undefined
  } catch (error) {
    if (isOrderError(error) && error.code === 'invalid-setting') return error.message
    throw error
  }
}

/** Names the settings that have no effect, one per line. */
export function settingsHint(environment: Environment): string | undefined {
  const lines = settingsWithoutEffect(environment, SETTING_NAMES, 'functions')
  return lines.length === 0 ? undefined : lines.join('\n')
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}
