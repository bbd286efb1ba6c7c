import { execFile } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { messageOf } from '../../../domain/errors.ts'
import type { GroupOffset } from './log-file.ts'

/** Copies by reference if the file system supports it (reflink). Prints one line if copying fails. */
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
 * Copies the log's file while the log is in use. Between `freeze` and `thaw`, the log's thread writes only to the WAL,
 * so the copy is a consistent snapshot even if copying takes a long time. `thaw` rejects if the file was reopened or
 * closed in the meantime, because the copy may then be inconsistent.
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
    await thread.thaw().catch(() => undefined) // The first error is reported.
    throw error
  }
  await thread.thaw()
}

/**
 * Copies the file in a child process. A process that closes any descriptor of a file loses all of its POSIX locks on
 * that file, so if this process made the copy, it would lose SQLite's exclusive lock on the log
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
async function copyInAnotherProcess(path: string, to: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, ['--input-type=commonjs', '--eval', COPY, path, to])
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new Error(`${path} could not be copied: ${output || messageOf(error)}`, { cause: error })
  }
}

/** Replaces the group offsets in a copy. Does not flush, because the caller flushes the whole copy. */
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
