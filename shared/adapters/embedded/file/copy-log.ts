import { execFile } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { messageOf } from '../../../domain/errors.ts'
import type { GroupOffset } from './log-file.ts'

/** Copies by reference where the file system can. Prints one line when it fails. */
const COPY = `
  const { constants, copyFileSync } = require('node:fs')
  const [from, to] = process.argv.slice(1)
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  } catch (error) {
    process.stderr.write(error.message)
    process.exitCode = 1
  }`

/**
 * Copies the log's file while the log is in use. Between `freeze` and `thaw` its thread writes to the WAL alone, so the
 * copy shows one instant, however long copying takes. `thaw` rejects when the file was reopened or closed meanwhile,
 * because then the copy may mix two instants.
 */
export async function copyLog(
  path: string,
  to: string,
  thread: { freeze: () => Promise<void>; thaw: () => Promise<void> },
): Promise<void> {
  await thread.freeze()
  try {
    await copyInAnotherProcess(path, to)
  } catch (error) {
    await thread.thaw().catch(() => undefined) // The first error says more than this one.
    throw error
  }
  await thread.thaw()
}

/**
 * A process that closes any descriptor of a file loses all of its POSIX locks on that file, SQLite's exclusive lock on the
 * log among them (sqlite.org/howtocorrupt.html, 2.2). So another process opens it.
 */
async function copyInAnotherProcess(path: string, to: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, ['--input-type=commonjs', '--eval', COPY, path, to])
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new Error(`${path} could not be copied: ${said || messageOf(error)}`, { cause: error })
  }
}

/** Sets the groups of a copy back to these offsets. Does not flush, because the caller flushes the whole copy. */
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
