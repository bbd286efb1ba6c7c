import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../shared/adapters/sqlite/database.ts'
import { prepareWriteBlock } from '../../shared/adapters/sqlite/search-blocks.ts'
import { createSqliteStore, type SqliteStore } from '../../shared/adapters/sqlite/sqlite-store.ts'
import type { StoreFeatures } from './store-fixtures.ts'

export const SQLITE_FEATURES: StoreFeatures = { fullText: true, emailDigitsByBeginning: false }

/** An empty store on a file of its own, which goes when it is closed. */
export async function openSqlite(): Promise<SqliteStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-store-'))
  const opened = await createSqliteStore({ file: join(directory, 'orders.sqlite') })
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}

/** The same, but whatever is stored or rebuilt is searched in blocks of three orders, but for one or two at the end. */
export async function openSqliteInBlocks(): Promise<SqliteStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-store-'))
  const file = join(directory, 'orders.sqlite')
  const opened = await createSqliteStore({ file })
  const db = openDatabase(file)
  const writeBlock = prepareWriteBlock(db)

  async function withBlocks<T>(change: Promise<T>): Promise<T> {
    const result = await change
    while (writeBlock(3));
    return result
  }

  return {
    ...opened,
    store: { ...opened.store, storeBatch: (batch) => withBlocks(opened.store.storeBatch(batch)) },
    maintenance: { ...opened.maintenance, swapOrders: (step) => withBlocks(opened.maintenance.swapOrders(step)) },
    async [Symbol.asyncDispose]() {
      db.close()
      await opened[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}
