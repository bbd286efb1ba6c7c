import { constants } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import type { GroupOffset } from './log-file.ts'

/**
 * Copies the log's file while it is written. Between `freeze` and `thaw` its thread writes to the WAL alone, so the file
 * is of one instant, however long copying takes. `thaw` rejects when the file was opened anew or closed meanwhile, because
 * then the copy may be of two instants.
 */
export async function copyLog(
  path: string,
  to: string,
  thread: { freeze: () => Promise<void>; thaw: () => Promise<void> },
): Promise<void> {
  await thread.freeze()
  try {
    await copyFile(path, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  } catch (error) {
    await thread.thaw().catch(() => undefined) // which says less than what went wrong first
    throw error
  }
  await thread.thaw()
}

/** Sets the groups of a copy back to where they were. Nothing is flushed here: whoever made the copy flushes all of it. */
export function setGroupOffsets(copy: string, offsets: readonly GroupOffset[]): void {
  const db = new DatabaseSync(copy)
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN; DELETE FROM group_offsets')
    const insert = db.prepare('INSERT INTO group_offsets VALUES (?, ?, ?)')
    for (const { groupId, partitionId, next } of offsets) insert.run(groupId, partitionId, next)
    db.exec('COMMIT')
  } finally {
    db.close()
  }
}
