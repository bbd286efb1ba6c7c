import { randomBytes } from 'node:crypto'
import { createConnection } from '../../../shared/adapters/mssql/database/connection.ts'

/**
 * Tests that need a SQL Server are skipped without one. The login must be allowed to create databases:
 *
 *     docker run -d -p 1433:1433 -e ACCEPT_EULA=Y -e MSSQL_SA_PASSWORD='<a strong one>' mcr.microsoft.com/mssql/server:2022-latest
 *     export TEST_SQL_CONNECTION_STRING='Server=127.0.0.1,1433;User Id=sa;Password=<the same>;TrustServerCertificate=true'
 */
const SERVER = process.env['TEST_SQL_CONNECTION_STRING'] ?? ''

/** For `describe.skipIf`. */
export const skipsSqlServer = SERVER === ''

if (skipsSqlServer) {
  process.stderr.write('Tests against a real SQL Server are skipped: TEST_SQL_CONNECTION_STRING is not set.\n')
}

/** A database for one test; its name is unused until `create`. */
export interface TestDatabase extends AsyncDisposable {
  readonly connectionString: string
  create(): Promise<void>
  run(statement: string): Promise<void>
}

export function testDatabase(): TestDatabase {
  const name = `orders_test_${randomBytes(6).toString('hex')}`
  const elsewhere = SERVER.replaceAll(/(?:^|;)\s*(?:database|initial catalog)\s*=[^;]*/gi, '')
  // A server that compiles every statement for each new connection is slow at first.
  const connectionString = `${elsewhere};Database=${name};Request Timeout=60000`
  let created: Promise<void> | undefined
  return {
    connectionString,
    create: () => (created ??= run(SERVER, `CREATE DATABASE ${name};`)),
    run: (statement) => run(connectionString, statement),
    async [Symbol.asyncDispose]() {
      if (created !== undefined) await run(SERVER, `DROP DATABASE ${name};`)
    },
  }
}

async function run(connectionString: string, statement: string): Promise<void> {
  await using connection = createConnection({ connectionString, onError: console.error })
  await connection.query(statement)
}
