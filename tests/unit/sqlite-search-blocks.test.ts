import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRandom } from '../../loadtest/orders.ts'
import { openDatabase } from '../../shared/adapters/sqlite/database.ts'
import { prepareListQueries } from '../../shared/adapters/sqlite/list-queries.ts'
import { migrate, readMigrations } from '../../shared/adapters/sqlite/migrations.ts'
import { prepareOrderQueries } from '../../shared/adapters/sqlite/order-queries.ts'
import { BLOCK_ORDERS, NewOrderSet, OrderSet } from '../../shared/adapters/sqlite/order-set.ts'
import { prepareWriteBlock } from '../../shared/adapters/sqlite/search-blocks.ts'
import { createSqliteStore } from '../../shared/adapters/sqlite/sqlite-store.ts'
import {
  createSearchParts,
  searchableText,
  stretchWord,
  stretchWords,
} from '../../shared/adapters/sqlite/search-text.ts'
import { prepareCommands } from '../../shared/adapters/sqlite/store-batch.ts'
import type { RebuildStep } from '../../shared/ports/maintenance.ts'
import type { OrderToStore } from '../../shared/ports/order-store.ts'
import { batchOf, GROUP, NOW, orderAt } from '../contract/store-fixtures.ts'

const MIGRATIONS = readMigrations(new URL('../../infra/sql/sqlite/', import.meta.url))
const FIRST_WITH_BLOCKS = 5
/** It makes blocks anew. */
const REINDEX = 13
/** A thread writes the blocks: later than a busy machine lets a test wait by default. */
const PATIENTLY = { timeout: 20_000 }
const REFUSE_BLOCKS = `CREATE TRIGGER refuse BEFORE INSERT ON search_blocks BEGIN SELECT raise(ABORT, 'refused'); END`

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-search-blocks-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const file = () => join(directory, 'orders.db')
const rebuildStep = (): RebuildStep => ({
  owner: 'one',
  at: new Date().toISOString(),
  leaseMs: 60_000,
  progress: { phase: 'projecting', records: 0, recordsInAll: 4, projected: 0, restored: 0, kept: 0, completed: 0 },
})
const named = (customerName: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => orderAt(from + index, { order: { customerName } }))
const newestFirst = (orders: readonly OrderToStore[]) => orders.map(({ orderId }) => orderId).toReversed()

function textOf({ orderId, order }: OrderToStore): string {
  return searchableText(order, createSearchParts()(orderId, order))
}

function openMigrated(migrations = MIGRATIONS): DatabaseSync & Disposable {
  const db = openDatabase(file())
  migrate(db, file(), migrations)
  return Object.assign(db, { [Symbol.dispose]: () => db.close() })
}

function blocksIn(db: DatabaseSync): number[][] {
  return db
    .prepare('SELECT first_seq, last_seq FROM search_blocks ORDER BY first_seq')
    .all()
    .map((row) => [Number(row['first_seq']), Number(row['last_seq'])])
}

function foundIn(db: DatabaseSync, q: string): string[] {
  return prepareListQueries(db, prepareOrderQueries(db))
    .search({ q, limit: 200 })
    .items.map(({ orderId }) => orderId)
}

/** All of them together, each as it would come from a file. */
function setOf(...sets: readonly (readonly number[])[]): OrderSet {
  const together = new OrderSet()
  for (const places of sets) {
    const made = new NewOrderSet()
    // Twice each, as a word that is twice in an order.
    for (const place of places) for (let time = 0; time < 2; time += 1) made.add(place)
    const packed = made.pack()
    expect(packed.length).toBeLessThanOrEqual(BLOCK_ORDERS / 8)
    together.add(packed)
  }
  return together
}

const placesIn = (set: OrderSet) => set.last(BLOCK_ORDERS, BLOCK_ORDERS - 1).toReversed()

test.each([0.0001, 0.01, 0.02, 0.5, 1])('sets of %d of all orders are what sets are', (density) => {
  const random = createRandom(5)
  const places = Array.from({ length: BLOCK_ORDERS }, (_, place) => place)
  const ones = places.filter(() => random() < density)
  const others = places.filter(() => random() < density)
  const [isOne, isOther] = [new Set(ones), new Set(others)]

  expect(placesIn(setOf(ones))).toEqual(ones)
  const both = setOf(ones)
  both.keepOnly(setOf(others))
  expect(placesIn(both)).toEqual(places.filter((place) => isOne.has(place) && isOther.has(place)))
  expect(placesIn(setOf(ones, others))).toEqual(places.filter((place) => isOne.has(place) || isOther.has(place)))
  const onlyOnes = setOf(ones)
  onlyOnes.remove(setOf(others))
  expect(placesIn(onlyOnes)).toEqual(places.filter((place) => isOne.has(place) && !isOther.has(place)))
  for (const highest of [0, 7, 8, 31, 32, 4095, 10_000, BLOCK_ORDERS - 1]) {
    const expected = ones.filter((place) => place <= highest).slice(-3)
    expect(setOf(ones).last(3, highest).toReversed()).toEqual(expected)
  }
})

test('the store writes blocks as orders come, and what an earlier process left', async () => {
  const onIndexFailed = vi.fn<(error: unknown) => void>()
  const orders = named('Blocked', 10)
  {
    await using opened = await createSqliteStore({ file: file(), blockOrders: 1000, onIndexFailed })
    await opened.store.storeBatch(batchOf(orders.slice(0, 5)))
  }
  await using opened = await createSqliteStore({ file: file(), blockOrders: 4, onIndexFailed })
  using db = openMigrated()
  await vi.waitFor(() => expect(blocksIn(db)).toEqual([[1, 4]]), PATIENTLY)
  await opened.store.storeBatch(batchOf(orders.slice(5)))
  await vi.waitFor(
    () =>
      expect(blocksIn(db)).toEqual([
        [1, 4],
        [5, 8],
      ]),
    PATIENTLY,
  )
  const { items } = await opened.views.search({ q: 'blocked', limit: 50 })
  expect(items.map(({ orderId }) => orderId)).toEqual(newestFirst(orders))
  expect(onIndexFailed).not.toHaveBeenCalled()
})

test('a block that cannot be written is told, and searches go on', async () => {
  const onIndexFailed = vi.fn<(error: unknown) => void>()
  await using opened = await createSqliteStore({ file: file(), blockOrders: 4, onIndexFailed })
  using db = openMigrated()
  db.exec(REFUSE_BLOCKS)
  const orders = named('Unblocked', 5)
  await opened.store.storeBatch(batchOf(orders))
  await vi.waitFor(() => expect(onIndexFailed).toHaveBeenCalledOnce(), PATIENTLY)
  const { items } = await opened.views.search({ q: 'unblocked', limit: 50 })
  expect(items.map(({ orderId }) => orderId)).toEqual(newestFirst(orders))
})

test('a block that was read before a rebuild is not written after it', () => {
  using db = openMigrated()
  prepareCommands(db).storeBatch(batchOf(named('Before', 4)))
  using other = openMigrated()
  const exec = db.exec.bind(db)
  const rebuilds = vi.spyOn(db, 'exec').mockImplementation((sql) => {
    // Tables of other names take the place of others: that is what it does to the schema.
    if (sql.startsWith('BEGIN IMMEDIATE')) other.exec('CREATE TABLE another (x); DROP TABLE another')
    exec(sql)
  })
  const writeBlock = prepareWriteBlock(db)
  expect(writeBlock(4)).toBe(true)
  expect(blocksIn(db)).toEqual([])
  rebuilds.mockRestore()
  expect(writeBlock(4)).toBe(true)
  expect(blocksIn(db)).toEqual([[1, 4]])
})

test('of two that write the same block one does, and half a block counts for nothing', () => {
  using db = openMigrated()
  using other = openMigrated()
  const orders = Array.from({ length: 800 }, (_, offset) => orderAt(offset, { order: { customerName: `No${offset}` } }))
  prepareCommands(db).storeBatch(batchOf(orders))
  const writeOther = prepareWriteBlock(other)
  const exec = db.exec.bind(db)
  let transactions = 0
  const killed = vi.spyOn(db, 'exec').mockImplementation((sql) => {
    if (sql.startsWith('BEGIN IMMEDIATE') && (transactions += 1) === 2) throw new Error('killed')
    exec(sql)
  })
  expect(() => prepareWriteBlock(db)(800)).toThrow('killed')
  expect(foundIn(db, 'no799')).toEqual([orders[799]?.orderId])
  transactions = 0
  killed.mockImplementation((sql) => {
    if (sql.startsWith('BEGIN IMMEDIATE') && (transactions += 1) === 2) expect(writeOther(800)).toBe(true)
    exec(sql)
  })
  expect(prepareWriteBlock(db)(800)).toBe(true)
  killed.mockRestore()
  expect(blocksIn(db)).toEqual([[1, 800]])
  expect(prepareWriteBlock(db)(800)).toBe(false)
  for (const number of [0, 399, 799]) expect(foundIn(db, `no${number} example`)).toContain(orders[number]?.orderId)
})

test('a block of long orders ends early', () => {
  using db = openMigrated()
  const orders = named('Long', 70)
  prepareCommands(db).storeBatch(batchOf(orders))
  expect(prepareWriteBlock(db)(70, 1)).toBe(true)
  expect(blocksIn(db)).toEqual([[1, 64]])
  expect(foundIn(db, 'long')).toEqual(newestFirst(orders))
})

test('orders that were stored before there were blocks are found before and after they are in one', () => {
  const older = named('Older', 3)
  {
    using db = openMigrated(MIGRATIONS.filter(({ version }) => version !== FIRST_WITH_BLOCKS && version !== REINDEX))
    prepareCommands(db).storeBatch(batchOf(older))
    // As an earlier version had them in the index, which knew no stretches.
    db.exec(`INSERT INTO order_search (order_search) VALUES ('delete-all')`)
    const insert = db.prepare('INSERT INTO order_search (rowid, words) VALUES (?, ?)')
    for (const [index, order] of older.entries()) insert.run(index + 1, textOf(order))
  }
  using db = openMigrated()
  const newer = named('Older', 3, 3)
  prepareCommands(db).storeBatch(batchOf(newer))
  const all = newestFirst([...older, ...newer])
  expect(foundIn(db, 'older example')).toEqual(all)
  const writeBlock = prepareWriteBlock(db)
  for (const blocks of [1, 2, 3]) {
    expect(writeBlock(2)).toBe(true)
    expect(blocksIn(db)).toHaveLength(blocks)
    expect(foundIn(db, 'older example')).toEqual(all)
  }
})

test('after a rebuild searches go by what the orders are now, and blocks are written anew', async () => {
  const onIndexFailed = vi.fn<(error: unknown) => void>()
  await using opened = await createSqliteStore({ file: file(), blockOrders: 3, onIndexFailed })
  using db = openMigrated()
  const orders = named('Before', 4)
  await opened.store.storeBatch(batchOf(orders))
  await vi.waitFor(() => expect(blocksIn(db)).toEqual([[1, 3]]), PATIENTLY)
  // As a file of an earlier version has it.
  db.exec('UPDATE search_stretches SET from_seq = 100')
  const { maintenance, views } = opened
  await maintenance.beginRebuild(rebuildStep(), { operator: 'sam', verified: false, at: NOW, reason: null })
  const upcast = orders.map((order) => ({ ...order, order: { ...order.order, customerName: 'After' } }))
  await maintenance.projectOrders(rebuildStep(), GROUP, upcast)
  db.exec(REFUSE_BLOCKS)
  await maintenance.swapOrders(rebuildStep())
  await vi.waitFor(() => expect(onIndexFailed).toHaveBeenCalledOnce(), PATIENTLY)
  const found = async (q: string) => (await views.search({ q, limit: 50 })).items.map(({ orderId }) => orderId)
  expect(blocksIn(db)).toEqual([])
  expect(await found('before')).toEqual([])
  expect(await found('after')).toEqual(newestFirst(orders))
  expect(db.prepare('SELECT from_seq FROM search_stretches').get()).toEqual({ from_seq: 1 })
  db.exec('DROP TRIGGER refuse')
  await opened.store.storeBatch(batchOf(named('After', 3, 4)))
  await vi.waitFor(() => expect(blocksIn(db)[0]).toEqual([1, 3]), PATIENTLY)
  expect(await found('after')).toHaveLength(7)
})

test('a search among the newest orders ends where they do, though the index goes on', () => {
  using db = openMigrated()
  const orders = named('Far', 4)
  prepareCommands(db).storeBatch(batchOf(orders))
  expect(prepareWriteBlock(db)(2)).toBe(true)
  // Were stretches not asked for, the last order would be found without.
  db.exec(`INSERT INTO order_search (order_search) VALUES ('delete-all')`)
  const insert = db.prepare('INSERT INTO order_search (rowid, words) VALUES (?, ?)')
  insert.run(3, `${textOf(orders[2]!)} ${stretchWord(3)}`)
  insert.run(4, textOf(orders[3]!))
  expect(foundIn(db, 'far')).toEqual(newestFirst(orders.slice(0, 3)))
})

test('the stretches between two positions are all of theirs, and the last one counts', () => {
  expect(stretchWords(16_383, 32_768)).toEqual([16_383, 16_384, 32_768].map(stretchWord))
  expect(stretchWords(1, 16_383)).toEqual([stretchWord(1)])
})
