import type { DatabaseSync } from 'node:sqlite'
import type { Migration } from '../../../disk/migration-files.ts'
import { OrderError } from '../../../domain/errors.ts'
import type { Schema } from '../../../ports/maintenance.ts'
import { changedMigration, refuseNewer } from '../../stores/refusals.ts'
import { inTransaction } from './database.ts'

/** Migration 14 drops these tables, so it does no harm if migration 5 recreates them empty. */
const WITHOUT_BLOCKS = 'DROP TABLE search_blocks; DROP TABLE search_block_terms; DROP TABLE search_marks;'
/** Checksums of migration 5 as it was in unreleased commits, each with the SQL that undoes it. */
const EARLIER_TEXTS: ReadonlyMap<string, string> = new Map([
  ['bba008018f8d8c154623d0e8b5a36177562453e1363223976d847f6c50eef827', WITHOUT_BLOCKS],
  ['34b76202b5db6350e6922dc601f7faee4994a02659a88be104d636c67c4f4cf5', WITHOUT_BLOCKS],
])

/**
 * Runs the numbered .sql files in sequence. There are no down migrations. This is our own code because no maintained
 * migration library works with node:sqlite alone.
 *
 * Running the migrations again, or in several processes at once, is safe, because each migration takes the write lock
 * before it checks whether it has already run. A database that a newer version of the program has migrated, or whose
 * migrations have changed since they ran, is left untouched.
 *
 * Throws `invalid-setting` if this program must not touch the database. Does not convert SQLite's errors.
 */
export function migrate(db: DatabaseSync, file: string, migrations: readonly Migration[]): void {
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT`)
  const done = db.prepare('SELECT checksum FROM schema_migrations WHERE version = ?')
  const record = db.prepare('INSERT OR REPLACE INTO schema_migrations VALUES (?, ?, ?, ?)')
  refuseNewer(file, lastApplied(db), migrations.at(-1)?.version ?? 0)
  for (const { version, name, sql, checksum } of migrations) {
    if (done.get(version)?.['checksum'] === checksum) continue
    inTransaction(db, () => {
      const known = done.get(version)?.['checksum']
      if (known === checksum) return
      const undo = known === undefined ? undefined : EARLIER_TEXTS.get(String(known))
      if (known !== undefined && undo === undefined) throw changedMigration(file, { version, name })
      if (undo !== undefined) db.exec(undo)
      db.exec(sql)
      record.run(version, name, checksum, new Date().toISOString())
    })
  }
}

/** The migrations that have run on this database, each with the time at which it ran. */
export function appliedMigrations(db: DatabaseSync): Schema {
  const rows = db.prepare('SELECT version, name, applied_at AS appliedAt FROM schema_migrations ORDER BY version').all()
  return { migrations: rows.map((row) => ({ ...row }) as unknown as Schema['migrations'][number]) }
}

/** Throws `store-full` if the tables are too old for the queries: in that case a full disk prevented a migration. */
export function refuseOlder(db: DatabaseSync, file: string, newest: number): void {
  const last = lastApplied(db)
  if (last >= newest) return
  const message = `The disk that holds the store ${file} is full, and migration ${newest} is due (the store is at ${last}): make room on the disk first`
  throw new OrderError('store-full', message, { retriable: true })
}

function lastApplied(db: DatabaseSync): number {
  return Number(db.prepare('SELECT max(version) AS last FROM schema_migrations').get()?.['last'] ?? 0)
}
