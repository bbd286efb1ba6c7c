import { workerData } from 'node:worker_threads'
import type { Schema } from '../../../ports/maintenance.ts'
import { closeAfterCopy, closeUnlessInDoubt, prepareCheckpoints } from '../../../disk/checkpoint.ts'
import { prepareArchiveCommands, type ArchiveCommands } from '../archive/archive.ts'
import { openDatabase } from '../database/database.ts'
import { prepareForgetCommands, type ForgetCommands } from '../forgetting/forget-customer.ts'
import { preparePurge, type Purge } from '../forgetting/purge.ts'
import { prepareLedgerRepairs, type LedgerRepairs } from '../ledger/ledger-repairs.ts'
import { prepareLedgerReset, type LedgerReset } from '../ledger/ledger-reset.ts'
import { prepareLedgerSettling, type LedgerSettling } from '../ledger/ledger-settling.ts'
import { prepareOperatorCommands, type OperatorCommands } from '../dead-letters/operator-commands.ts'
import { appliedMigrations, migrate } from '../database/migrations.ts'
import { readMigrations } from '../../../disk/migration-files.ts'
import { prepareRebuildCommands, type RebuildCommands } from '../rebuild/rebuild.ts'
import { prepareRedriveCommands, type RedriveCommands } from '../redrives/redrives.ts'
import { prepareRetention, type RetentionCommands } from '../retention/retention.ts'
import { prepareReindex, type Reindex } from '../search/search-reindex.ts'
import { serve } from './serve.ts'
import { prepareBatchCommands, type BatchCommands } from '../orders/store-batch.ts'

/** The thread that writes, so that the main thread never waits for the disk. */
export interface Writer
  extends
    BatchCommands,
    OperatorCommands,
    RedriveCommands,
    RebuildCommands,
    ArchiveCommands,
    LedgerReset,
    LedgerSettling,
    LedgerRepairs,
    ForgetCommands,
    RetentionCommands,
    Purge {
  readonly reindex: Reindex
  migrate(): Schema
  /** Writes and flushes a dummy row. Throws if that fails, because orders could not be written either. */
  probe(): void
  tidy(): void
  close(): void
}

export interface StoreLocation {
  readonly file: string
  /** The URL of the migrations directory. */
  readonly migrations: string
}

const { file, migrations } = workerData as StoreLocation

serve(file, openWriter)

function openWriter(): Writer {
  const db = openDatabase(file)
  try {
    const bringUpToDate = () => migrate(db, file, readMigrations(new URL(migrations)))
    bringUpToDate()
    const checkpoints = prepareCheckpoints(db)
    const writeProbe = db.prepare('INSERT OR REPLACE INTO probes VALUES (1, ?)')
    const batches = prepareBatchCommands(db)
    const forgetting = prepareForgetCommands(db)
    return {
      ...batches,
      ...forgetting,
      forget(customerId, act) {
        batches.forgetTerms()
        return forgetting.forget(customerId, act)
      },
      ...prepareOperatorCommands(db),
      ...prepareRedriveCommands(db),
      ...prepareRebuildCommands(db),
      ...prepareArchiveCommands(db),
      ...prepareLedgerReset(db),
      ...prepareLedgerSettling(db),
      ...prepareLedgerRepairs(db),
      ...prepareRetention(db),
      ...preparePurge(db, file),
      reindex: prepareReindex(db),
      migrate() {
        bringUpToDate()
        return appliedMigrations(db)
      },
      probe() {
        writeProbe.run(Date.now())
      },
      tidy: () => checkpoints.whenDue(),
      close: () => closeAfterCopy(db),
    }
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }
}
