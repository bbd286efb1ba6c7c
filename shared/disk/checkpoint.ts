import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'

export type Checkpoints = ReturnType<typeof prepareCheckpoints>

/** Pages of 4 KiB. A checkpoint stalls every call behind it, so it comes every 16 MiB instead of every 4. */
const DUE_PAGES = 4096
const WAL_KEPT_BYTES = 32 * 1024 * 1024

/**
 * Copies the WAL of a file into the file. SQLite's own checkpoints are off because they hide their errors, and the kernel
 * reports a failed flush once: a program that misses the report takes the next flush for a success.
 *
 * Call it before anything is written: at a commit behind a long WAL, SQLite itself would copy the WAL.
 */
export function prepareCheckpoints(db: DatabaseSync) {
  db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`)
  // SQLite before 3.51, as in Node 22, treats this as PASSIVE: it copies every time, and may find the disk full.
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const copy = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')

  return {
    /** Copies the WAL into the file once it is long. Throws what its flushes throw. */
    whenDue(): void {
      const pages = unlessFull(look)
      if (pages !== undefined && Number(pages['log']) - Number(pages['checkpointed']) >= DUE_PAGES) unlessFull(copy)
    },
    /** Copies all of the WAL into the file. Throws what its flushes throw, or an error when part of it could not be copied. */
    all(): void {
      const pages = copy.get()
      if (Number(pages?.['busy']) === 0 && pages?.['log'] === pages?.['checkpointed']) return
      throw new Error('Not all of the WAL could be copied into its file.')
    },
  }
}

const FULL = 13
const IO_ERROR = 10
/**
 * IOERR without a kind, because it may be any of the others; IOERR_FSYNC, IOERR_DIR_FSYNC, IOERR_TRUNCATE, IOERR_CLOSE
 * and IOERR_DIR_CLOSE (https://www.sqlite.org/rescode.html).
 */
const OF_A_FLUSH: ReadonlySet<number> = new Set([0, 4, 5, 6, 16, 17].map((kind) => IO_ERROR | (kind << 8)))

/**
 * Whether this error of SQLite leaves in doubt what is on the disk. A failed flush does, because its writes had already
 * succeeded. A refused call does not: its transaction is rolled back. Neither does IOERR_WRITE: the kernel may report an
 * earlier write's failure there, but then reports it to the next flush as well (write(2), EIO). Errors of temporary files
 * (IOERR_SHM…), locks and reads break no promise, and IOERR_…_ATOMIC does not occur in WAL mode.
 */
export function leavesDiskInDoubt(error: unknown): boolean {
  const code = errcodeOf(error)
  return code !== undefined && OF_A_FLUSH.has(code)
}

/**
 * Copies the WAL, then closes the connection. The last connection to close copies the WAL too, but hides its errors.
 * Throws what copying throws.
 */
export function closeAfterCopy(db: DatabaseSync): void {
  try {
    unlessFull(db.prepare('PRAGMA wal_checkpoint(PASSIVE)'))
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }
  db.close()
}

const keptOpen = new Set<DatabaseSync>()

/**
 * Closes a connection after this error, except after a failed flush: closing would flush again, seem to succeed, and
 * remove the WAL. Then the connection stays open, out of the garbage collector's reach, until the process is killed.
 */
export function closeUnlessInDoubt(db: DatabaseSync, error: unknown): void {
  if (leavesDiskInDoubt(error)) keptOpen.add(db)
  else db.close()
}

/** The statement's row; undefined on a full disk, where the WAL stays until there is room to copy it. */
function unlessFull(statement: StatementSync): Record<string, SQLOutputValue> | undefined {
  try {
    return statement.get()
  } catch (error) {
    if (((errcodeOf(error) ?? 0) & 0xff) !== FULL) throw error
    return undefined
  }
}

function errcodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined
}
