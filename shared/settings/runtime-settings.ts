import { readConfig, type Config } from './config.ts'
import { messageOf } from '../domain/errors.ts'
import { refuseOldNode } from './node-version.ts'

/** Throws `invalid-setting`. The runtime tells nobody why a worker could not be loaded, but it shows what the worker writes here. */
export function readRuntimeSettings(): Config {
  try {
    refuseOldNode()
    return readConfig(process.env, 'functions')
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    throw error
  }
}
