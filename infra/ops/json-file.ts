import { readFileSync, writeFileSync } from 'node:fs'
import { messageOf } from '../../shared/domain/errors.ts'
import { UsageError } from './command.ts'

/** Reads the JSON in a file named on the command line. Throws `UsageError` if it cannot be read. */
export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON: ${messageOf(error)}`, { cause: error })
  }
}

/** Writes JSON to a file named on the command line. Throws `UsageError` if it cannot be written. */
export function writeJsonFile(file: string, value: unknown): void {
  try {
    writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}
