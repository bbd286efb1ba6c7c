import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import { changeHistoriesContract } from '../store/change-histories.contract.ts'

changeHistoriesContract('SQLite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-histories-'))
  const file = join(directory, 'orders.sqlite')
  const one = await createSqliteStore({ file })
  const other = await createSqliteStore({ file })
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
})
