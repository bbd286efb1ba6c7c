import type { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import type { Rebuild } from '../../../ports/maintenance.ts'
import { closeAfterCopy, closeUnlessInDoubt } from '../../../disk/checkpoint.ts'
import { isNoRoom } from '../../../disk/no-room.ts'
import { inSnapshot, openDatabase } from '../database/database.ts'
import { prepareDeadLetterQueries, type DeadLetterQueries } from '../dead-letters/dead-letters.ts'
import { prepareLedgerQueries, type LedgerQueries } from '../ledger/ledger.ts'
import { prepareListQueries, type ListQueries } from '../orders/order-lists.ts'
import { refuseOlder } from '../database/migrations.ts'
import { readMigrations } from '../../../disk/migration-files.ts'
import { prepareOrderQueries, type OrderQueries } from '../orders/order-views.ts'
import { prepareRebuildQueries } from '../rebuild/rebuild-queries.ts'
import { prepareRedriveQueries, type RedriveQueries } from '../redrives/redrive-queries.ts'
import { serve } from './serve.ts'
import type { StoreLocation } from './write-worker.ts'

/** The thread that reads. It never waits for the writer, and every answer shows one moment. */
export interface Reader extends Pick<OrderQueries, 'getMany' | 'history' | 'findByIdempotencyKey'>, ListQueries {
  readonly getLetter: DeadLetterQueries['get']
  readonly listLetters: DeadLetterQueries['list']
  readonly countLetters: DeadLetterQueries['count']
  readonly groupLetters: DeadLetterQueries['groups']
  readonly getRedrive: RedriveQueries['get']
  readonly listRedrives: RedriveQueries['list']
  readonly audit: RedriveQueries['audit']
  readonly readLedger: LedgerQueries['read']
  getRebuild(nowMs: number): Rebuild | undefined
  /** Throws when nothing can be read. */
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
    // There is no room even for the file that connections share. The file is opened for one answer at a time, so that the
    // writer gets its turn.
    return { ...openReader(openDatabase(file, 'alone')), tidy: () => 'close' }
  }
})

function openReader(db: DatabaseSync): Reader {
  try {
    db.exec('PRAGMA query_only = ON')
    // The writer has run the migrations that were due, unless its disk is full.
    refuseOlder(db, file, newest)
    const orders = prepareOrderQueries(db)
    const lists = prepareListQueries(db, orders)
    const letters = prepareDeadLetterQueries(db)
    const ledger = prepareLedgerQueries(db)
    const redrives = prepareRedriveQueries(db)
    const rebuilds = prepareRebuildQueries(db)
    const selectMigration = db.prepare('SELECT max(version) FROM schema_migrations')
    const snapshot = <T>(read: () => T): T => inSnapshot(db, read)
    return {
      getMany: (orderIds) => snapshot(() => orders.getMany(orderIds)),
      history: (orderId) => snapshot(() => orders.history(orderId)),
      findByIdempotencyKey: (keyHash) => snapshot(() => orders.findByIdempotencyKey(keyHash)),
      list: (query) => snapshot(() => lists.list(query)),
      search: (query) => snapshot(() => lists.search(query)),
      getLetter: (id) => snapshot(() => letters.get(id)),
      listLetters: (query) => snapshot(() => letters.list(query)),
      countLetters: (query) => snapshot(() => letters.count(query)),
      groupLetters: (query) => snapshot(() => letters.groups(query)),
      getRedrive: (taskId) => snapshot(() => redrives.get(taskId)),
      listRedrives: (query) => snapshot(() => redrives.list(query)),
      audit: (query) => snapshot(() => redrives.audit(query)),
      readLedger: (groupId, maxGaps) => snapshot(() => ledger.read(groupId, maxGaps)),
      getRebuild: (nowMs) => snapshot(() => rebuilds.getRebuild(nowMs)),
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
