import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { copyFromDisk, differenceFromDisk } from './past-cache.ts'

/**
 * After an error of the disk nothing is accepted until what it holds was verified
 * (docs/decisions/020-after-an-error-of-the-disk.md). The process that met the error marks the directory and ends; the
 * next one makes the files anew from what the disk has.
 */
const MARK = 'disk-in-doubt'
const FILES = ['log.db', 'orders.db']

export function markInDoubt(directory: string): void {
  // Empty: a disk without room has a place for a name. It only has to outlive the process, as the kernel's memory does.
  closeSync(openSync(join(directory, MARK), 'w', 0o600))
}

export function isInDoubt(directory: string): boolean {
  return existsSync(join(directory, MARK))
}

/**
 * Replaces log and store by copies of what is on the disk, which hold everything that was flushed; nobody may have them
 * open. Throws, and leaves everything as it was, when the disk still fails, has no room for the copies, or holds a
 * damaged file. May be interrupted at any time: old and new files are the same to whoever opens them.
 */
export function settleDoubt(directory: string): void {
  const names = FILES.flatMap((name) => [name, `${name}-wal`]).filter((name) => existsSync(join(directory, name)))
  for (const name of names) {
    const copy = join(directory, `${name}.copy`)
    rmSync(copy, { force: true })
    copyFromDisk(join(directory, name), copy)
  }
  for (const name of names) renameSync(join(directory, `${name}.copy`), join(directory, name))
  for (const name of FILES) rmSync(join(directory, `${name}-shm`), { force: true })
  flush(directory)
  for (const name of FILES) if (existsSync(join(directory, name))) verify(join(directory, name))
  rmSync(join(directory, MARK))
  flush(directory)
}

/** Everything in one file, flushed, whole, and on the disk as it is read. */
function verify(file: string): void {
  const db = new DatabaseSync(file)
  try {
    db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    const found = String(db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'])
    if (found !== 'ok') throw new Error(`${file} is damaged: ${found}`)
  } finally {
    db.close()
  }
  const at = differenceFromDisk(file)
  if (at !== undefined) throw new Error(`${file} is not on the disk as it was written, from byte ${at} on`)
}

function flush(directory: string): void {
  if (process.platform === 'win32') return // where a directory can't be opened
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
