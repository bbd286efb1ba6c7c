import { workerData } from 'node:worker_threads'
import type { Finding } from '../../../ports/finding.ts'
import { closeAfterCopy } from '../../../disk/checkpoint.ts'
import { openDatabase } from '../database/database.ts'
import { serve } from './serve.ts'
import type { StoreLocation } from './write-worker.ts'

/**
 * The thread that checks the file for damage. The check reads the whole file, so on the reader's thread it would delay
 * queries for too long.
 */
export interface Checker {
  inspect(): readonly Finding[]
  close(): void
}

/** The maximum number of faults to report. The first few faults tell an operator enough. */
const MAX_FAULTS = 20

const { file } = workerData as StoreLocation

serve(file, openChecker)

function openChecker(): Checker {
  const db = openDatabase(file)
  const check = db.prepare(`PRAGMA quick_check(${MAX_FAULTS})`)
  const version = db.prepare('SELECT sqlite_version() AS version')
  return {
    inspect() {
      const faults = check.all().map((row) => String(row['quick_check']))
      const found = faults.filter((fault) => fault !== 'ok')
      const detail = `${found.join('; ')}. Stop, and restore the data directory from a backup.`
      return [
        { name: 'engine', well: true, detail: `SQLite ${String(version.get()?.['version'])}.` },
        found.length === 0
          ? { name: 'files', well: true, detail: 'No damage was found in the store.' }
          : { name: 'files', well: false, detail },
      ]
    },
    close: () => closeAfterCopy(db),
  }
}
