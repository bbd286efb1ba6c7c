import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteStore } from '../../shared/adapters/sqlite/sqlite-store.ts'
import type { Store } from '../../shared/adapters/stores/store.ts'
import type { StoreFeatures } from './store-fixtures.ts'

export const SQLITE_FEATURES: StoreFeatures = { fullText: true, emailDigitsByBeginning: false }

/** An empty store in its own file, which is deleted when the store is closed. */
export async function openSqlite(): Promise<Store> {
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
