import { randomBytes } from 'node:crypto'
import { afterAll, describe } from 'vitest'
import { createConnection } from '../../shared/adapters/mssql/connection.ts'
import { createMssqlStore } from '../../shared/adapters/mssql/mssql-store.ts'
import type { OpenEmptyStore, StoreFeatures } from './store-fixtures.ts'

/**
 * These suites need a SQL Server on which databases may be made, and are skipped without one:
 *
 *     docker run -d -p 1433:1433 -e ACCEPT_EULA=Y -e MSSQL_SA_PASSWORD='<a strong one>' mcr.microsoft.com/mssql/server:2022-latest
 *     export TEST_SQL_CONNECTION_STRING='Server=127.0.0.1,1433;User Id=sa;Password=<the same>;TrustServerCertificate=true'
 */
const CONNECTION_STRING = process.env['TEST_SQL_CONNECTION_STRING'] ?? ''

export const MSSQL_FEATURES: StoreFeatures = { fullText: true }

/** Children before their parents. */
const TABLES =
  'rebuild rebuilt_orders rebuilt_items rebuilt_words redrive_letters redrive_tasks audit dead_letters order_items order_words orders order_state_words order_states ' +
  'order_history parked_records ledger_gaps ledger'

/** Runs a contract suite on a new database, which goes when the suite has ended; each store is emptied first. */
export function describeMssql(suite: (open: OpenEmptyStore) => void): void {
  describe.skipIf(CONNECTION_STRING === '')('the server that TEST_SQL_CONNECTION_STRING names', () => {
    const name = `orders_test_${randomBytes(6).toString('hex')}`
    const elsewhere = CONNECTION_STRING.replaceAll(/(?:^|;)\s*(?:database|initial catalog)\s*=[^;]*/gi, '')
    const connectionString = `${elsewhere};Database=${name}`
    let created: Promise<void> | undefined

    suite(async () => {
      await (created ??= run(CONNECTION_STRING, `CREATE DATABASE ${name};`))
      const onWarning = (message: string) => console.warn(message)
      const store = await createMssqlStore({ connectionString, onError: console.error, onWarning })
      await run(
        connectionString,
        TABLES.split(' ')
          .map((table) => `DELETE FROM ${table};`)
          .join('\n'),
      )
      return store
    })

    afterAll(async () => {
      if (created !== undefined) await run(CONNECTION_STRING, `DROP DATABASE ${name};`)
    })
  })
}

async function run(connectionString: string, statement: string): Promise<void> {
  await using connection = createConnection({ connectionString, onError: console.error })
  await connection.query(statement)
}
