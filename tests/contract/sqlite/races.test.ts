import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '../../../shared/adapters/sqlite/database/database.ts'
import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import { archiveRacesContract } from '../store/archive/archive-races.contract.ts'
import { racesContract } from '../store/races.contract.ts'
import type { SharedStore } from '../store/shared-store.ts'

racesContract('SQLite', openShared)
archiveRacesContract('SQLite', openShared)

async function openShared(): Promise<SharedStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-races-'))
  const file = join(directory, 'orders.sqlite')
  const one = await createSqliteStore({ file })
  const other = await createSqliteStore({ file })
  return {
    one,
    other,
    // SQLite does not show which calls wait. A call waits up to two seconds for another transaction, then reports that
    // the store is busy.
    async areWaiting() {
      await sleep(100)
      return true
    },
    async hold(update, work) {
      const db = openDatabase(file)
      try {
        db.exec('BEGIN IMMEDIATE')
        db.exec(update)
        await work()
        db.exec('COMMIT')
      } finally {
        db.close()
      }
    },
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}
