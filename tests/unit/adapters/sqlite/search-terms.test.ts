import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { batchOf, orderAt } from '../../../contract/store-fixtures.ts'
import { storeInEarlierFile } from '../../../support/disk/earlier-sqlite-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const FIRST_WITH_TERMS = 4
const FIRST_WITHOUT_BLOCKS = 14

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const file = () => join(directory, 'orders.db')
const named = (offset: number, customerName: string) => orderAt(offset, { order: { customerName } })

async function foundIn({ views }: Awaited<ReturnType<typeof createSqliteStore>>, q: string): Promise<string[]> {
  return (await views.search({ q, limit: 50 })).items.map(({ orderId }) => orderId)
}

test('a word of a batch that was rolled back is found when it comes again', async () => {
  await using opened = await createSqliteStore({ file: file() })
  await opened.store.previewBatch({ orders: [named(0, 'Previewed')] })
  const kept = named(1, 'Previewed')
  await opened.store.storeBatch(batchOf([kept]))
  expect(await foundIn(opened, 'previewed')).toEqual([kept.orderId])
})

test('a word of a good order is found even if a refused order made the batch start over', async () => {
  await using opened = await createSqliteStore({ file: file() })
  const [item] = orderAt(0).order.orderItems
  const tooMany = Array.from({ length: 501 }, () => item!)
  const good = named(0, 'Sound')
  const refused = orderAt(1, { order: { orderItems: tooMany } })
  const { outcomes } = await opened.store.storeBatch(batchOf([good, refused]))
  expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'rejected'])
  expect(await foundIn(opened, 'sou')).toEqual([good.orderId])
})

test('orders stored before the list of words existed are found by words and prefixes', async () => {
  const older = MIGRATIONS.filter(({ version }) => version < FIRST_WITH_TERMS)
  const db = new DatabaseSync(file())
  migrate(db, file(), older)
  db.prepare('INSERT INTO order_search (rowid, words) VALUES (1, ?)').run(
    'jose §jose earlier §earlier Brand Shirt M Blue ¤c1 ¤eEUR ¤pCreditCard',
  )
  migrate(db, file(), MIGRATIONS)
  const terms = db
    .prepare('SELECT term FROM search_terms ORDER BY term')
    .all()
    .map((row) => row['term'])
  db.close()
  expect(terms).toEqual(['blue', 'brand', 'earlier', 'jose', 'm', 'shirt', '§earlier', '§jose'])
})

test('a file with blocks of sets is searched by its index, and keeps nothing of the blocks', async () => {
  const older = MIGRATIONS.filter(({ version }) => version < FIRST_WITHOUT_BLOCKS)
  const db = new DatabaseSync(file())
  migrate(db, file(), older)
  const before = [named(0, 'Blocked'), named(1, 'Blocked')]
  storeInEarlierFile(db, before)
  // The earlier version's index: the words of both orders, and `¤s0`, which marked a range of positions. The block
  // says, wrongly, that neither order has these words.
  const insert = db.prepare('INSERT INTO order_search (rowid, words) VALUES (?, ?)')
  for (const seq of [1, 2]) insert.run(seq, 'blocked §blocked example ¤eEUR ¤s0')
  db.exec('INSERT INTO search_blocks VALUES (1, 2)')
  db.close()
  await using opened = await createSqliteStore({ file: file() })
  const after = named(2, 'Blocked')
  await opened.store.storeBatch(batchOf([after]))
  const all = [after, ...before.toReversed()].map(({ orderId }) => orderId)
  for (const q of ['blocked', 'blocked example', 'blo']) expect(await foundIn(opened, q)).toEqual(all)
  const { items } = await opened.views.list({ q: 'blocked', currency: 'EUR', limit: 50 })
  expect(items.map(({ orderId }) => orderId)).toEqual(all)
  const now = new DatabaseSync(file())
  expect(now.prepare(`SELECT name FROM sqlite_schema WHERE name GLOB 'search_[bs]*'`).all()).toEqual([])
  now.close()
})
