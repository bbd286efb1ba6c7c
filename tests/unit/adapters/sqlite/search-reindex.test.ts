import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test, vi } from 'vitest'
import { openDatabase } from '../../../../shared/adapters/sqlite/database/database.ts'
import { prepareListQueries } from '../../../../shared/adapters/sqlite/orders/order-lists.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { prepareOrderQueries } from '../../../../shared/adapters/sqlite/orders/order-views.ts'
import { prepareOrderStates } from '../../../../shared/adapters/sqlite/orders/order-states.ts'
import { prepareReindex } from '../../../../shared/adapters/sqlite/search/search-reindex.ts'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { batchOf, changeAt, NOW, orderAt, parkedFrom } from '../../../contract/store-fixtures.ts'
import { storeInEarlierFile } from '../../../support/disk/earlier-sqlite-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const REINDEX = 13
const BEFORE = MIGRATIONS.filter(({ version }) => version < REINDEX)
/** Reindexing runs in a thread. On a busy machine, it may take longer than the default timeout. */
const PATIENTLY = { timeout: 30_000 }

const [item] = orderAt(0).order.orderItems
const order = (offset: number, customerName: string, brand: string) =>
  orderAt(offset, { order: { customerName, orderItems: [{ ...item!, itemCode: 'TRK-2041', brand }] } })
const lukasz = order(0, 'Łukasz', 'Plain')
const connor = order(1, "O'Connor", 'Groß')
const plain = order(2, 'Jose', 'Łukasz')
const failed = order(3, 'Ægir', 'Plain')
/** The index rows of the stored orders, as the earlier version wrote them. */
const TEXTS_BEFORE = [
  'łukasz §łukasz example §example Plain Shirt M Blue ¤c1 ¤eEUR ¤pCreditCard ¤s0',
  'o §o connor §connor example §example groß shirt m blue ¤c1 ¤eEUR ¤pCreditCard ¤s0',
  'jose §jose example §example łukasz shirt m blue ¤c1 ¤eEUR ¤pCreditCard ¤s0',
]
const TEXT_OF_FAILED_BEFORE = 'ægir §ægir example §example Plain Shirt M Blue ¤c1 ¤eEUR ¤pCreditCard'

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const file = () => join(directory, 'orders.db')

function open(migrations = MIGRATIONS): DatabaseSync & Disposable {
  const db = openDatabase(file())
  migrate(db, file(), migrations)
  return Object.assign(db, { [Symbol.dispose]: () => db.close() })
}

/** A file of the earlier version: three stored orders, and one that is not stored. */
function storeBefore(): void {
  using db = open(BEFORE)
  storeInEarlierFile(db, [lukasz, connor, plain])
  prepareOrderStates(db).fail(failed.orderId, parkedFrom(failed), Date.parse(NOW))
  db.exec(`INSERT INTO order_search (order_search) VALUES ('delete-all'); DELETE FROM search_terms`)
  const insert = db.prepare('INSERT INTO order_search (rowid, words) VALUES (?, ?)')
  for (const [index, text] of TEXTS_BEFORE.entries()) insert.run(index + 1, text)
  db.prepare('INSERT OR REPLACE INTO order_state_search (rowid, words) VALUES (1, ?)').run(TEXT_OF_FAILED_BEFORE)
  db.exec(`CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, 'order_search', 'row');
    INSERT INTO search_terms SELECT term FROM temp.terms WHERE term NOT GLOB '¤*'`)
}

function idsOf(orders: readonly { readonly orderId: string }[]): string[] {
  return orders.map(({ orderId }) => orderId)
}

function foundIn(db: DatabaseSync, q: string): string[] {
  return idsOf(prepareListQueries(db, prepareOrderQueries(db)).search({ q, limit: 50 }).items)
}

test('orders of the earlier version are found by its words, and step by step by all of their words', () => {
  storeBefore()
  using db = open()
  const later = order(4, 'Łukasz', 'Plain')
  prepareBatchCommands(db).storeBatch(batchOf([later]))
  expect(foundIn(db, 'example')).toEqual(idsOf([later, plain, connor, lukasz]))
  expect(foundIn(db, 'connor')).toEqual(idsOf([connor]))
  expect(foundIn(db, 'lukasz')).toEqual(idsOf([later]))
  // One step for the order that is not stored, two for the three stored ones, and one that finds no more. Each step is
  // prepared anew, as after a restart.
  expect([1, 2, 3, 4].map(() => prepareReindex(db)(2))).toEqual([true, true, true, false])
  expect(db.prepare('SELECT * FROM search_reindex').all()).toEqual([])
  expect(foundIn(db, 'lukasz')).toEqual(idsOf([later, lukasz, plain]))
  expect(foundIn(db, 'łukasz example')).toEqual(idsOf([later, lukasz, plain]))
  expect(foundIn(db, 'oconnor')).toEqual(idsOf([connor]))
  expect(foundIn(db, 'connor')).toEqual(idsOf([connor]))
  expect(foundIn(db, 'gross')).toEqual(idsOf([connor]))
  expect(foundIn(db, 'example')).toEqual(idsOf([later, plain, connor, lukasz]))
  expect(foundIn(db, 'TRK-2041')).toEqual(idsOf([later, plain, connor, lukasz]))
  expect(foundIn(db, 'alex@example.com')).toHaveLength(4)
  expect(foundIn(db, plain.orderId)).toEqual(idsOf([plain]))
  const listed = prepareListQueries(db, prepareOrderQueries(db)).list({ q: 'aegir', status: 'retrying', limit: 5 })
  expect(idsOf(listed.items)).toEqual([failed.orderId])
  const [check] = db.prepare('PRAGMA integrity_check').all()
  expect(check).toEqual({ integrity_check: 'ok' })
  expect(prepareReindex(db)(2)).toBe(false)
})

test('the index stays correct when its parts are merged', () => {
  storeBefore()
  using db = open()
  while (prepareReindex(db)(1));
  db.exec(`INSERT INTO order_search (order_search) VALUES ('optimize')`)
  for (const q of ['lukasz', 'oconnor', 'connor', 'gross', 'trk', 'example shirt']) {
    expect([q, foundIn(db, q).length]).toEqual([q, { lukasz: 2, trk: 3, 'example shirt': 3 }[q] ?? 1])
  }
})

test('an order that is amended before its turn is found by what it is now', () => {
  storeBefore()
  using db = open()
  const amendment = { customerName: 'Ægidius', orderItems: [{ ...item!, brand: 'Größe' }] }
  const changes = [changeAt(9, lukasz, { kind: 'amend', amendment }), changeAt(10, connor, { kind: 'cancel' })]
  prepareBatchCommands(db).storeBatch(batchOf([], { changes }))
  for (;;) {
    expect(foundIn(db, 'aegidius grosse')).toEqual([lukasz.orderId])
    expect(foundIn(db, 'plain')).toEqual([])
    if (!prepareReindex(db)(1)) break
  }
  expect(foundIn(db, 'lukasz')).toEqual([plain.orderId])
  expect(foundIn(db, 'oconnor')).toEqual([connor.orderId])
  const cancelled = prepareListQueries(db, prepareOrderQueries(db)).list({ q: 'gross', status: 'cancelled', limit: 9 })
  expect(idsOf(cancelled.items)).toEqual([connor.orderId])
})

test('orders with many items end a transaction early', () => {
  storeBefore()
  using db = open()
  prepareBatchCommands(db).storeBatch(batchOf([], { parked: [parkedFrom(order(5, 'Zoë', 'Plain'))] }))
  const progress = () => db.prepare('SELECT last_state_seq, last_seq FROM search_reindex').all()[0]
  const steps: unknown[] = []
  while (prepareReindex(db)(100, 1)) steps.push(Object.values(progress() ?? {}))
  expect(steps).toEqual([
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
    [2, 3],
  ])
  expect(foundIn(db, 'lukasz')).toEqual(idsOf([lukasz, plain]))
})

test('a start reindexes in the background, and a failed step is reported', async () => {
  storeBefore()
  {
    using db = open()
    db.exec(`CREATE TRIGGER refuse BEFORE UPDATE ON search_reindex BEGIN SELECT raise(ABORT, 'refused'); END`)
    const onReindexFailed = vi.fn<(error: unknown) => void>()
    await using _ = await createSqliteStore({ file: file(), onReindexFailed })
    await vi.waitFor(() => expect(onReindexFailed).toHaveBeenCalledOnce(), PATIENTLY)
    db.exec('DROP TRIGGER refuse')
  }
  await using opened = await createSqliteStore({ file: file() })
  const found = async (q: string) => idsOf((await opened.views.search({ q, limit: 50 })).items)
  await vi.waitFor(async () => expect(await found('lukasz')).toEqual(idsOf([lukasz, plain])), PATIENTLY)
  using db = openDatabase(file()) as DatabaseSync & Disposable
  await vi.waitFor(() => expect(db.prepare('SELECT * FROM search_reindex').all()).toEqual([]), PATIENTLY)
  expect(await found('oconnor')).toEqual(idsOf([connor]))
})

test('a new file has nothing to reindex', () => {
  using db = open()
  expect(prepareReindex(db)(10)).toBe(false)
})
