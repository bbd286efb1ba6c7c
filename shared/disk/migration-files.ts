import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/** A numbered .sql file. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  /** SHA-256 of the text. */
  readonly checksum: string
}

const FILE_NAME = /^(\d{6})_(\w+)\.sql$/

/** The migrations in a directory, ordered by number. The directory's URL must end with a slash. */
export function readMigrations(directory: URL): Migration[] {
  return readdirSync(directory)
    .toSorted()
    .flatMap((fileName) => {
      const [, version, name] = FILE_NAME.exec(fileName) ?? []
      if (version === undefined || name === undefined) return []
      // A checkout may change line endings, which must not change the checksum.
      const sql = readFileSync(new URL(fileName, directory), 'utf8').replaceAll('\r\n', '\n')
      return [{ version: Number(version), name, sql, checksum: createHash('sha256').update(sql).digest('hex') }]
    })
}
