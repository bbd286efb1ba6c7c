import { workerData } from 'node:worker_threads'
import { openDatabase } from './database.ts'
import { serve } from './serve.ts'
import type { StoreLocation } from './write-worker.ts'

/** The thread that looks for damage: it reads the whole file, which would keep queries waiting in theirs. */
export interface Checker {
  findDamage(): readonly string[]
  close(): void
}

/** The most faults that are told; the first few say enough. */
const MAX_FAULTS = 20

const { file } = workerData as StoreLocation

serve(file, openChecker)

function openChecker(): Checker {
  const db = openDatabase(file)
  const check = db.prepare(`PRAGMA quick_check(${MAX_FAULTS})`)
  return {
    findDamage() {
      const faults = check.all().map((row) => String(row['quick_check']))
      return faults.filter((fault) => fault !== 'ok')
    },
    close: () => db.close(),
  }
}
