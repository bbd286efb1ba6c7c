import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LOG_FILE, STORE_FILE } from './data-files.ts'
import { flushDirectory } from './flush.ts'
import { compareWithDisk, copyFromDisk } from './past-cache.ts'

/**
 * After a disk error, no records are accepted until the files have been verified
 * (docs/decisions/020-after-a-disk-error.md). The process that saw the error marks the directory and kills
 * itself. The next process recreates the files from the contents of the disk.
 */
const MARK = 'disk-in-doubt'
const FILES = [LOG_FILE, STORE_FILE]

export function markInDoubt(directory: string): void {
  // The marker file is empty, so that it can be created even on a full disk. It is not flushed, because it only has to
  // survive the end of the process, not a crash of the machine.
  closeSync(openSync(join(directory, MARK), 'w', 0o600))
}

export function isInDoubt(directory: string): boolean {
  return existsSync(join(directory, MARK))
}

/**
 * Replaces the log and the store with copies read from the disk, which contains everything that was flushed. The files
 * must not be open in any process. Throws without changing anything if the disk is still failing, has no room for the
 * copies, or contains a damaged file. This can safely be interrupted at any time, because the old and the new files
 * have the same content.
 */
export function settleDoubt(directory: string): void {
  const files = FILES.map((name) => join(directory, name)).filter((file) => existsSync(file))
  try {
    for (const file of files) {
      removeCopy(file)
      copyFromDisk(file, copyOf(file))
      if (existsSync(`${file}-wal`)) copyFromDisk(`${file}-wal`, `${copyOf(file)}-wal`)
      verify(copyOf(file))
    }
  } catch (error) {
    files.forEach(removeCopy)
    throw error
  }
  // The old WALs do no harm while they are still there, because the new files already have the WALs' content.
  for (const file of files) renameSync(copyOf(file), file)
  flushDirectory(directory)
  for (const file of files) for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
  flushDirectory(directory)
  rmSync(join(directory, MARK))
  flushDirectory(directory)
}

function copyOf(file: string): string {
  return `${file}.copy`
}

function removeCopy(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${copyOf(file)}${suffix}`, { force: true })
}

/**
 * Copies the WAL into the file, flushes the file, checks its integrity and compares the cached content with the content
 * on the disk. Use this only for a copy that is discarded after an error, because closing a file after a failed flush
 * removes its WAL.
 */
function verify(file: string): void {
  const db = new DatabaseSync(file)
  try {
    db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    const found = String(db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'])
    if (found !== 'ok') throw new Error(`${file} is damaged: ${found}`)
  } finally {
    db.close()
  }
  compareWithDisk(file)
}
