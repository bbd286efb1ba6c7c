import { createConnection } from '../../../shared/adapters/mssql/database/connection.ts'
import { describeMssql } from '../open-mssql.ts'
import { archiveRacesContract } from '../store/archive/archive-races.contract.ts'
import { racesContract } from '../store/races.contract.ts'
import type { SharedStore } from '../store/shared-store.ts'

/**
 * Counts calls that wait for a lock. Babelfish calls such a wait `Lock`, and its `blocked` column shows every session
 * that holds a lock on the same row. The first call on a connection may take seconds, because Babelfish loads its
 * grammar once per connection.
 */
const COUNT_WAITING = `
SELECT COUNT(DISTINCT p.spid) AS waiting
FROM sys.sysprocesses AS p
WHERE p.dbid = DB_ID() AND (p.lastwaittype = N'Lock' OR (p.lastwaittype LIKE N'LCK%' AND p.blocked <> 0));`

/**
 * The third connection locks rows in a transaction. Babelfish is based on PostgreSQL, so it shows the effects of row
 * versioning, but not those of the locks that table hints request. SQL Server with READ_COMMITTED_SNAPSHOT, which the
 * product enables, shows both.
 */
describeMssql((open, again, database) => {
  async function openShared(): Promise<SharedStore> {
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
  }
  racesContract('SQL Server', openShared)
  archiveRacesContract('SQL Server', openShared)
})
