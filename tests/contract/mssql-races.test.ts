import { createConnection } from '../../shared/adapters/mssql/connection.ts'
import { describeMssql } from './open-mssql.ts'
import { racesContract } from './races.contract.ts'

/**
 * The third connection holds its rows in a transaction. Babelfish is PostgreSQL: it shows what versions of rows hide, with
 * no lock that a hint asks for. SQL Server shows both, with READ_COMMITTED_SNAPSHOT on, as the product turns it on.
 */
describeMssql((open, again, database) =>
  racesContract('SQL Server', async () => {
    const one = await open()
    const other = await again()
    const { connectionString } = database
    const third = createConnection({ connectionString, onError: console.error })
    await third.open()
    return {
      one,
      other,
      meetMs: 500,
      hold: (update, work) =>
        third.inTransaction(async (run) => {
          await run(`${update};`)
          await work()
        }),
      async [Symbol.asyncDispose]() {
        await third[Symbol.asyncDispose]()
        await other[Symbol.asyncDispose]()
        await one[Symbol.asyncDispose]()
      },
    }
  }),
)
