import type { Migration } from '../../../disk/migration-files.ts'
import { changedMigration, refuseNewer } from '../../stores/refusals.ts'
import type { Connection, Row } from './connection.ts'

/** SQL Server reserves error numbers below 50000; applications use 50000 and above. */
export const LOCK = `
  SET XACT_ABORT ON;
  DECLARE @result INT;
  EXEC @result = sp_getapplock @Resource = 'order-event-processing migrations', @LockMode = 'Exclusive',
    @LockOwner = 'Transaction', @LockTimeout = 60000;
  IF @result < 0
  BEGIN
    THROW 50000, 'Another instance has been migrating this database for more than a minute.', 1;
  END;`
export const CREATE_MIGRATIONS = `
  IF OBJECT_ID('schema_migrations') IS NULL
    CREATE TABLE schema_migrations (
      version INT NOT NULL CONSTRAINT schema_migrations_pk PRIMARY KEY,
      name VARCHAR(200) NOT NULL,
      checksum CHAR(64) NOT NULL,
      applied_at DATETIME2(3) NOT NULL
    );`
export const SELECT_MIGRATIONS = 'SELECT version, checksum FROM schema_migrations ORDER BY version;'

/** Splits a migration at its GO lines, because some statements must be alone or first in a batch. */
export function batchesOf({ sql }: Pick<Migration, 'sql'>): string[] {
  return sql.split(/^GO$/m).filter((batch) => batch.trim() !== '')
}

/**
 * Runs the numbered .sql files in sequence, each in one transaction. There are no down migrations. If several instances
 * start at once, one migrates and the others wait. The named lock ends with its transaction, so it is free again if its
 * holder dies. A database that a newer version of the program has migrated, or whose migrations have changed since they
 * ran, is left untouched.
 *
 * Rejects with `invalid-setting` for a database that this program must not touch. Otherwise, rejects with the driver's
 * own errors.
 */
export async function migrate(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0
  const run = async (work: (known: ReadonlyMap<number, string>) => Migration | undefined): Promise<boolean> => {
    let next: Migration | undefined
    await connection.inTransaction(async (batch) => {
      await batch(LOCK)
      await batch(CREATE_MIGRATIONS)
      next = work(new Map((await batch(SELECT_MIGRATIONS)).map(toKnown)))
      if (next === undefined) return
      for (const statement of batchesOf(next)) await batch(statement)
      await batch(recordOf(next))
    })
    return next !== undefined
  }
  const findNext = (known: ReadonlyMap<number, string>) => {
    refuseNewer(connection.described, Math.max(0, ...known.keys()), newest)
    return migrations.find((migration) => !isDone(migration, known, connection.described))
  }
  while (await run(findNext));
}

function toKnown(row: Row): [version: number, checksum: string] {
  return [Number(row['version']), String(row['checksum'])]
}

/** The values are our own file names and checksums, which need no escaping. */
export function recordOf({ version, name, checksum }: Omit<Migration, 'sql'>): string {
  return `INSERT INTO schema_migrations (version, name, checksum, applied_at)
    VALUES (${version}, '${name}', '${checksum}', SYSUTCDATETIME());`
}

function isDone({ version, name, checksum }: Migration, known: ReadonlyMap<number, string>, where: string): boolean {
  const done = known.get(version)
  if (done === undefined || done === checksum) return done !== undefined
  throw changedMigration(where, { version, name })
}
