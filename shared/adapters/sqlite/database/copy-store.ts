import { backup, DatabaseSync } from 'node:sqlite'
import { toStoreError } from './errors.ts'

/** All pages in one step, because a write between two steps makes the backup start over. */
const ALL_PAGES = 2 ** 31 - 1
const BUSY_TIMEOUT_MS = 5000

/**
 * Copies the store's file as it was at one instant, by SQLite's online backup, in a thread of Node's pool. It reads
 * like any reader, so writers do not wait for it; the WAL cannot be reset meanwhile. Rejects with the store's errors.
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
