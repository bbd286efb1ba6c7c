import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { closeUnlessInDoubt } from '../../../disk/checkpoint.ts'
import { isBusyError, isConstraintError } from './errors.ts'

/** How long a connection waits while another process writes, before the store counts as busy. */
const BUSY_TIMEOUT_MS = 2000
const CACHE_KIB = 16 * 1024

/**
 * Opens the file in WAL mode, so that readers never wait for the writer, and with `synchronous = FULL`. With NORMAL, a
 * power failure may undo the most recent commits while the consumer's committed offset survives in another file or on a
 * broker. The log would not deliver the orders of those commits again, so they would be missing from the store
 * (https://www.sqlite.org/pragma.html#pragma_synchronous).
 *
 * `alone` locks out every other connection and keeps the WAL index in memory instead of in a shared file.
 */
export function openDatabase(file: string, alone?: 'alone'): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  try {
    if (alone !== undefined) db.exec('PRAGMA locking_mode = EXCLUSIVE')
    useWal(db)
    db.exec('PRAGMA synchronous = FULL')
    // The writer thread runs the checkpoints (shared/disk/checkpoint.ts).
    db.exec('PRAGMA wal_autocheckpoint = 0')
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`)
    return db
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }
}

/**
 * If two processes switch a new file to WAL at the same time, one of them fails at once with "database is locked", so
 * the switch is retried.
 */
function useWal(db: DatabaseSync): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusyError(error) || Date.now() > deadline) throw error
      pause(10)
    }
  }
}

/** Blocks this thread, which is one of the store's worker threads. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/**
 * Does all of the work or none of it. IMMEDIATE takes the file's write lock at the start, so nothing that the
 * transaction reads can be stale by the time it writes. The SQL Server store locks ledger rows for the same reason.
 */
export function inTransaction<T>(db: DatabaseSync, work: () => T, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec(end)
    return result
  } catch (error) {
    // SQLite itself rolls back after some errors, for example if the disk is full.
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/**
 * Runs the work in a savepoint and returns its result. If the work throws, its writes are rolled back. Returns
 * undefined if a constraint was violated, and rethrows any other error.
 */
export function unlessRefused<T>(db: DatabaseSync, work: () => T): T | undefined {
  db.exec('SAVEPOINT one_order')
  try {
    const result = work()
    db.exec('RELEASE one_order')
    return result
  } catch (error) {
    // SQLite itself ends the transaction after some errors, for example if the disk is full.
    if (db.isTransaction) db.exec('ROLLBACK TO one_order; RELEASE one_order')
    if (!isConstraintError(error)) throw error
    return undefined
  }
}

/** Wraps each query in a transaction, so that all of its reads see the same snapshot. */
export function inSnapshots<T extends object>(db: DatabaseSync, queries: T): T {
  const inSnapshot =
    (query: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      db.exec('BEGIN')
      try {
        return query(...args)
      } finally {
        if (db.isTransaction) db.exec('COMMIT')
      }
    }
  return Object.fromEntries(Object.entries(queries).map(([name, query]) => [name, inSnapshot(query)])) as T
}

/** Prepares each SQL text once, for queries whose text depends on their filters. */
export function createStatements(db: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>()
  return (sql) => {
    const statement = prepared.get(sql) ?? db.prepare(sql)
    prepared.set(sql, statement)
    return statement
  }
}
