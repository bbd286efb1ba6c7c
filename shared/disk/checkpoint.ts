import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'

export type Checkpoints = ReturnType<typeof prepareCheckpoints>

/**
 * A checkpoint is due once the WAL contains this many 4 KiB pages that have not been copied into the file yet. Other
 * calls wait for a checkpoint: 4 ms after 4 MiB, but 12 ms after 16 MiB.
 */
const DUE_PAGES = 1024
const WAL_KEPT_BYTES = 32 * 1024 * 1024

/**
 * Replaces SQLite's automatic checkpoints, which hide errors. The kernel reports a failed flush only once, so a program
 * that misses the report would think that the next flush had succeeded.
 *
 * Call this before writing anything. Otherwise, the first commit to a long WAL runs SQLite's own checkpoint.
 */
export function prepareCheckpoints(db: DatabaseSync) {
  db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`)
  // SQLite older than 3.51, as in Node 22, treats NOOP as PASSIVE. With these versions, this statement therefore copies
  // the WAL every time, and may find the disk full.
  const inspect = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const copy = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')

  return {
    /** Copies the WAL into the file if a checkpoint is due. Throws if a flush fails. */
    whenDue(): void {
      const pages = unlessFull(inspect)
      if (pages !== undefined && Number(pages['log']) - Number(pages['checkpointed']) >= DUE_PAGES) unlessFull(copy)
    },
    /** Copies the whole WAL into the file. Throws if a flush fails or if part of the WAL could not be copied. */
    all(): void {
      const pages = copy.get()
      if (Number(pages?.['busy']) === 0 && pages?.['log'] === pages?.['checkpointed']) return
      throw new Error('Part of the WAL could not be copied into the database file.')
    },
  }
}

/** Copies the WAL into the file and empties the WAL. Returns false if a reader still needs a part of the WAL. */
export function truncateWal(db: DatabaseSync): boolean {
  return Number(db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy']) === 0
}

const FULL = 13
const IO_ERROR = 10
/**
 * The result codes IOERR_FSYNC, IOERR_DIR_FSYNC, IOERR_TRUNCATE, IOERR_CLOSE and IOERR_DIR_CLOSE, and plain IOERR,
 * which may stand for any of them (https://www.sqlite.org/rescode.html).
 */
const OF_A_FLUSH: ReadonlySet<number> = new Set([0, 4, 5, 6, 16, 17].map((kind) => IO_ERROR | (kind << 8)))

/**
 * Whether this SQLite error leaves the contents of the disk in doubt. A failed flush does, because the writes before it
 * had already been reported as successful. A refused call leaves nothing in doubt, because its transaction is rolled
 * back. With IOERR_WRITE, the kernel may report the failure of an earlier write, but then it also reports that failure
 * to the next flush (write(2), EIO). Errors in temporary files (IOERR_SHM…), locks and reads cause no loss of data, and
 * IOERR_…_ATOMIC does not occur in WAL mode.
 */
export function leavesDiskInDoubt(error: unknown): boolean {
  const code = errcodeOf(error)
  return code !== undefined && OF_A_FLUSH.has(code)
}

/**
 * Copies the WAL, then closes the connection. Closing the last connection would also copy the WAL, but would hide
 * errors. Throws if copying fails.
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
 * Closes a connection after an error. After a failed flush, however, the connection stays open until the process is
 * killed, and stays referenced so that it is not garbage-collected. Closing it would flush again, seem to succeed, and
 * remove the WAL.
 */
export function closeUnlessInDoubt(db: DatabaseSync, error: unknown): void {
  if (leavesDiskInDoubt(error)) keptOpen.add(db)
  else db.close()
}

/** The statement's row; undefined if the disk is full. The WAL then stays until there is disk space for copying it. */
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
