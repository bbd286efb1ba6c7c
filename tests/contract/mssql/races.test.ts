import { createConnection } from '../../../shared/adapters/mssql/database/connection.ts'
import { describeMssql } from '../open-mssql.ts'
import { racesContract } from '../store/races.contract.ts'

/**
 * What waits for a lock. The first call on a connection may take seconds to get there, because Babelfish learns the grammar
 * anew on each. There a wait for a lock is called Lock, and `blocked` names whoever has any lock on the same thing.
 */
const COUNT_WAITING = `
SELECT COUNT(DISTINCT p.spid) AS waiting
FROM sys.sysprocesses AS p
WHERE p.dbid = DB_ID() AND (p.lastwaittype = N'Lock' OR (p.lastwaittype LIKE N'LCK%' AND p.blocked <> 0));`

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
      async areWaiting(calls) {
        const [[row] = []] = await third.query(COUNT_WAITING)
        return Number(row?.['waiting']) >= calls
      },
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
