import { backup, DatabaseSync } from 'node:sqlite'
import { toStoreError } from './errors.ts'

/** Pages in one step: all of them, because a step is of one instant, and a writer between two makes it begin again. */
const ALL_PAGES = 2 ** 31 - 1
const BUSY_TIMEOUT_MS = 5000

/**
 * Copies the store's file, as it was at one instant, by SQLite's own online backup. It reads as any reader does, so nobody
 * waits for it; the WAL is kept meanwhile. It copies in a thread of Node's pool. Rejects with the store's errors.
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
