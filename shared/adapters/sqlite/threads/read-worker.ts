import type { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { closeAfterCopy, closeUnlessInDoubt } from '../../../disk/checkpoint.ts'
import { isNoRoom } from '../../../disk/no-room.ts'
import { inSnapshots, openDatabase } from '../database/database.ts'
import { prepareArchiveQueries, type ArchiveQueries } from '../archive/archive-queries.ts'
import { prepareChangeQueries, type ChangeQueries } from '../changes/change-views.ts'
import { prepareDeadLetterQueries, type DeadLetterQueries } from '../dead-letters/dead-letters.ts'
import { prepareLedgerQueries, type LedgerQueries } from '../ledger/ledger.ts'
import { prepareListQueries, type ListQueries } from '../orders/order-lists.ts'
import { refuseOlder } from '../database/migrations.ts'
import { readMigrations } from '../../../disk/migration-files.ts'
import { prepareOrderQueries, type OrderQueries } from '../orders/order-views.ts'
import { prepareRebuildQueries, type RebuildQueries } from '../rebuild/rebuild-queries.ts'
import { prepareRedriveQueries, type RedriveQueries } from '../redrives/redrive-queries.ts'
import { serve } from './serve.ts'
import type { StoreLocation } from './write-worker.ts'

/** The thread that runs queries. Queries never wait for the writer, and each of them reads one snapshot. */
export interface Reader
  extends
    OrderQueries,
    ListQueries,
    ChangeQueries,
    ArchiveQueries,
    DeadLetterQueries,
    RedriveQueries,
    LedgerQueries,
    RebuildQueries {
  /** Throws if nothing can be read. */
  probe(): void
  tidy?(): 'close'
  close(): void
}

const { file, migrations } = workerData as StoreLocation
const newest = readMigrations(new URL(migrations)).at(-1)?.version ?? 0

serve(file, () => {
  try {
    return openReader(openDatabase(file))
  } catch (error) {
    if (!isNoRoom(error)) throw error
    // The disk has no room even for the file that connections share, so the reader locks the store for one query at a
    // time and then closes it to let the writer in.
    return { ...openReader(openDatabase(file, 'alone')), tidy: () => 'close' }
  }
})

function openReader(db: DatabaseSync): Reader {
  try {
    db.exec('PRAGMA query_only = ON')
    // The writer has run all pending migrations, unless the disk is full.
    refuseOlder(db, file, newest)
    const orders = prepareOrderQueries(db)
    const selectMigration = db.prepare('SELECT max(version) FROM schema_migrations')
    return {
      ...inSnapshots(db, {
        ...orders,
        ...prepareListQueries(db, orders),
        ...prepareChangeQueries(db),
        ...prepareArchiveQueries(db),
        ...prepareDeadLetterQueries(db),
        ...prepareRedriveQueries(db),
        ...prepareLedgerQueries(db),
        ...prepareRebuildQueries(db),
      }),
      probe() {
        selectMigration.get()
      },
      close: () => closeAfterCopy(db),
    }
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }
}
