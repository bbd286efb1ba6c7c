import { messageOf, OrderError } from '../../../domain/errors.ts'
import type { Connection, Parameters } from './connection.ts'
import { adaptTexts, resolvesEscapes } from './json-texts.ts'
import { failureOf } from './errors.ts'
import type { Migration } from '../../../disk/migration-files.ts'
import { migrate } from './migrations.ts'

/** With READ_COMMITTED_SNAPSHOT on, readers see the last committed rows instead of waiting for writers. */
export const IS_SNAPSHOT_ON = `
SELECT CAST(d.is_read_committed_snapshot_on AS INT) AS is_on FROM sys.databases AS d WHERE d.name = DB_NAME();
`
/**
 * The statement needs exclusive access to the database. Without NO_WAIT it would wait for other connections to close.
 */
export const TURN_SNAPSHOT_ON = 'ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH NO_WAIT;'

/** Adapts a statement to the server. */
export type Adapt = (statement: string, parameters?: Parameters) => string

/** Prepares the database for this program. Rejects as `migrate` does. */
export async function prepareDatabase(
  connection: Connection,
  migrations: readonly Migration[],
  onWarning: (message: string) => void,
): Promise<Adapt> {
  await connection.open()
  await useSnapshots(connection, onWarning)
  await migrate(connection, migrations)
  if (await readsJson(connection)) return (statement) => statement
  onWarning(`${connection.described} does not decode escapes in JSON strings, so the statements do.`)
  return adaptTexts
}

export const SELECT_LEVEL = `
SELECT CAST(d.compatibility_level AS INT) AS compatibility_level FROM sys.databases AS d WHERE d.name = DB_NAME();
`
/** The first compatibility level with OPENJSON (learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql). */
const FIRST_LEVEL_WITH_JSON = 130

/**
 * Whether OPENJSON decodes escapes. Rejects with `store-unavailable` if the database's compatibility level does not
 * support OPENJSON. No order can then be stored until somebody raises the level. This is an outage, because the orders
 * are not at fault.
 */
async function readsJson(connection: Connection): Promise<boolean> {
  try {
    return await resolvesEscapes(connection)
  } catch (error) {
    if (failureOf(error) !== undefined) throw error
    const [[row] = []] = await connection.query(SELECT_LEVEL)
    const level = Number(row?.['compatibility_level'] ?? FIRST_LEVEL_WITH_JSON)
    if (level >= FIRST_LEVEL_WITH_JSON) throw error
    const remedy = `ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 150`
    throw new OrderError(
      'store-unavailable',
      `The database has compatibility level ${level}, and JSON needs ${FIRST_LEVEL_WITH_JSON} or higher: ${remedy}.`,
      { retriable: true, cause: error },
    )
  }
}

/**
 * Turns on READ_COMMITTED_SNAPSHOT, which is on by default in Azure SQL Database. If that fails, for example because
 * the login lacks the permission, warns that readers wait for writers.
 */
async function useSnapshots(connection: Connection, onWarning: (message: string) => void): Promise<void> {
  try {
    const [[row] = []] = await connection.query(IS_SNAPSHOT_ON)
    if (Number(row?.['is_on'] ?? 0) === 1) return
    await connection.query(TURN_SNAPSHOT_ON)
  } catch (error) {
    if (failureOf(error) === 'unavailable') throw error
    onWarning(
      `READ_COMMITTED_SNAPSHOT is off in ${connection.described}, so readers wait for writers: ${messageOf(error)}`,
    )
  }
}
