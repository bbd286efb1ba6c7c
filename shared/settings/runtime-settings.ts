import { readConfig, type Config } from './config.ts'
import { messageOf } from '../domain/errors.ts'
import { refuseOldNode } from './node-version.ts'

/**
 * Throws `invalid-setting`, and also prints the error, because the runtime does not show why a worker could not be
 * loaded.
 */
export function readRuntimeSettings(): Config {
  try {
    refuseOldNode()
    return readConfig(process.env, 'functions')
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    throw error
  }
}
