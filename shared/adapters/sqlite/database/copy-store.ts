import { backup, DatabaseSync } from 'node:sqlite'
import { toStoreError } from './errors.ts'

/** Copies all pages in one step, because a write between two steps would make the backup start over. */
const ALL_PAGES = 2 ** 31 - 1
const BUSY_TIMEOUT_MS = 5000

/**
 * Copies a snapshot of the store's file with SQLite's online backup, which runs on a thread of Node's pool. The backup
 * is an ordinary reader, so writers do not wait for it, but the WAL cannot be reset until it ends. Rejects with the
 * store's errors.
 */
export async function copyStore(file: string, to: string): Promise<void> {
  try {
    const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    try {
      await backup(db, to, { rate: ALL_PAGES })
    } finally {
      db.close()
    }
  } catch (error) {
    throw toStoreError(error, file)
  }
}
