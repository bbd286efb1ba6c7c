import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareArchiveCommands } from '../../../../shared/adapters/sqlite/archive/archive.ts'
import { openDatabase } from '../../../../shared/adapters/sqlite/database/database.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { prepareRebuildCommands } from '../../../../shared/adapters/sqlite/rebuild/rebuild.ts'
import { prepareArchiveQueries } from '../../../../shared/adapters/sqlite/archive/archive-queries.ts'
import { prepareReindex } from '../../../../shared/adapters/sqlite/search/search-reindex.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { NO_PROGRESS } from '../../../../shared/ports/maintenance.ts'
import { actAt, batchOf, LATER, NOW, orderAt } from '../../../contract/store-fixtures.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))

let db: DatabaseSync
beforeEach(() => {
  const file = join(temporaryDirectory(), 'orders.db')
  db = openDatabase(file)
  // The data of these tests need not survive a power failure, and flushes would take most of the time.
  db.exec('PRAGMA synchronous = OFF')
  migrate(db, file, MIGRATIONS)
})
afterEach(() => db.close())

const pagesInWal = () => Number(db.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log'])
const settings = () => db.prepare('SELECT k, v FROM order_search_config ORDER BY k').all()
const segments = () => Number(db.prepare('SELECT count(DISTINCT segid) AS n FROM order_search_idx').get()?.['n'])

const words = (n: number) => `${(n * 7919).toString(36)} ${(n * 104_729).toString(36)}`
const order = (n: number) => orderAt(n, { order: { customerName: words(n), shippingAddress: words(n + 1e6) } })
const orders = (from: number, count: number) => Array.from({ length: count }, (_, n) => order(from + n))

interface Most {
  /** The largest number of pages that one transaction wrote. */
  pages: number
  /** The highest number of segments in the index after any transaction. A search reads all segments. */
  segments: number
}

function mostOf(transactions: number, transaction: (n: number) => void): Most {
  const most = { pages: 0, segments: 0 }
  for (let n = 0; n < transactions; n += 1) {
    const before = pagesInWal()
    transaction(n)
    most.pages = Math.max(most.pages, pagesInWal() - before)
    most.segments = Math.max(most.segments, segments())
  }
  return most
}

/**
 * With FTS5's own merges, a transaction here writes up to 119 pages; with 100 orders, up to 284; when it archives, up
 * to 259. Without any merges, up to 122 segments are left.
 */
const PAGES_OF_ONE = 80
const PAGES_OF_MANY = 170
const SEGMENTS = 45

test('no transaction merges much of the index, and a search still reads few segments', () => {
  const batches = prepareBatchCommands(db)
  const one = mostOf(3000, (n) => batches.storeBatch(batchOf([order(n)])))
  expect(one.pages).toBeLessThan(PAGES_OF_ONE)
  expect(one.segments).toBeLessThan(SEGMENTS)
  const many = mostOf(60, (n) => batches.storeBatch(batchOf(orders(3000 + 100 * n, 100))))
  expect(many.pages).toBeLessThan(PAGES_OF_MANY)
  expect(many.segments).toBeLessThan(SEGMENTS)
})

test('nor does a transaction that archives orders', () => {
  const batches = prepareBatchCommands(db)
  const archive = prepareArchiveCommands(db)
  const queries = prepareArchiveQueries(db)
  for (let n = 0; n < 60; n += 1) batches.storeBatch(batchOf(orders(100 * n, 100)))
  const archived = mostOf(200, () => {
    const { items } = queries.exportOrders({ before: LATER, limit: 25 })
    expect(archive.archiveOrders(items, 'orders.ndjson.gz', actAt(0))).toMatchObject({ archived: 25 })
  })
  expect(archived.pages).toBeLessThan(PAGES_OF_MANY)
  expect(archived.segments).toBeLessThan(SEGMENTS)
})

test('nor does a transaction on an index that a rebuild has written', () => {
  const batches = prepareBatchCommands(db)
  const rebuild = prepareRebuildCommands(db)
  const before = settings()
  for (let n = 0; n < 60; n += 1) batches.storeBatch(batchOf(orders(100 * n, 100)))
  const step = {
    owner: 'one',
    at: NOW,
    leaseMs: 60_000,
    logStarts: [],
    progress: { ...NO_PROGRESS, recordsInAll: 6000 },
  }
  rebuild.beginRebuild(step, actAt(0))
  rebuild.swapOrders(step)
  expect(settings()).toEqual(before)
  expect(segments()).toBeLessThan(SEGMENTS)
  const one = mostOf(3000, (n) => batches.storeBatch(batchOf([order(6000 + n)])))
  expect(one.pages).toBeLessThan(PAGES_OF_ONE)
  expect(one.segments).toBeLessThan(SEGMENTS)
})

test('nor does a step of a reindex', () => {
  const batches = prepareBatchCommands(db)
  const reindex = prepareReindex(db)
  for (let n = 0; n < 60; n += 1) batches.storeBatch(batchOf(orders(100 * n, 100)))
  db.exec(`INSERT INTO order_search (order_search) VALUES ('delete-all'); DELETE FROM search_terms`)
  db.exec('INSERT OR REPLACE INTO search_reindex VALUES (1, 0, 0, 6000)')
  const steps = mostOf(300, () => expect(reindex(20)).toBe(true))
  expect(steps.pages).toBeLessThan(PAGES_OF_MANY)
  expect(steps.segments).toBeLessThan(SEGMENTS)
})
