import { statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The size of a SQLite database with its write-ahead log, in bytes. SQLite deletes that log when it closes the
 * database.
 */
export function databaseBytes(directory: string, file: string): number {
  return [file, `${file}-wal`]
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((total, size) => total + size, 0)
}
