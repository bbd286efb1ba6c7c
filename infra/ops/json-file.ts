import { readFileSync } from 'node:fs'
import { messageOf } from '../../shared/domain/errors.ts'
import { UsageError } from './command.ts'

/** The JSON in a file that was named on the command line; throws `UsageError` when there is none. */
export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON: ${messageOf(error)}`, { cause: error })
  }
}
