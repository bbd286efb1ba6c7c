import type { DatabaseSync } from 'node:sqlite'
import { truncateWal } from '../../../disk/checkpoint.ts'
import { OrderError } from '../../../domain/errors.ts'
import { openDatabase } from '../database/database.ts'

/** Overwrites the bytes that removed personal data has left behind in the file or its WAL (port Forgetting). */
export interface Purge {
  purge(): void
  /** Purges if an earlier process exited after forgetting a customer but before overwriting the customer's data. */
  purgeIfDue(): void
}

const SELECT = 'SELECT is_due FROM forgetting'
const DONE = 'UPDATE forgetting SET is_due = 0'

export function preparePurge(db: DatabaseSync, file: string): Purge {
  const select = db.prepare(SELECT)
  const done = db.prepare(DONE)

  function purge(): void {
    writeAnew(file)
    if (!truncateWal(db)) {
      const detail =
        'A reader, such as a backup, is still using an earlier state of the store. Try again when it has finished.'
      throw new OrderError('store-busy', detail, { retriable: true })
    }
    done.run()
  }

  return {
    purge,
    purgeIfDue() {
      if (select.get()?.['is_due'] === 1) purge()
    },
  }
}

/**
 * Writes all live content to new pages. `secure_delete` is not enough: when rows move to another page, a copy may
 * remain in the free space of the old page. VACUUM's temporary copy may be larger than memory, so it is written to a
 * file.
 */
function writeAnew(file: string): void {
  const db = openDatabase(file)
  try {
    db.exec('PRAGMA temp_store = FILE; VACUUM')
  } finally {
    db.close()
  }
}
