import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LOG_FILE, STORE_FILE } from './data-files.ts'
import { flushDirectory } from './flush.ts'
import { compareWithDisk, copyFromDisk } from './past-cache.ts'

/**
 * After an error of the disk nothing is accepted until the files on it were verified
 * (docs/decisions/020-after-an-error-of-the-disk.md). The process that met the error marks the directory and ends; the
 * next one recreates the files from what is on the disk.
 */
const MARK = 'disk-in-doubt'
const FILES = [LOG_FILE, STORE_FILE]

export function markInDoubt(directory: string): void {
  // Empty, because even a full disk has room for a name. It only has to outlive the process, as the kernel's memory does.
  closeSync(openSync(join(directory, MARK), 'w', 0o600))
}

export function isInDoubt(directory: string): boolean {
  return existsSync(join(directory, MARK))
}

/**
 * Replaces log and store by copies of what is on the disk, which hold everything that was flushed. No process may have
 * the files open. Throws, and leaves everything as it was, when the disk still fails, has no room for the copies, or holds
 * a damaged file. May be interrupted at any time, because old and new files have the same content.
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
  // An old WAL does no harm until it is removed: its file already holds everything in it.
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
 * Brings everything into one file, flushes it, checks that it is whole, and compares it with the disk. Only for a copy:
 * closing after a failed flush removes the WAL, which does no harm because the copy is discarded then.
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
