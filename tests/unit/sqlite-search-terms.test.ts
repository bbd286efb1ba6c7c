import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSqliteStore } from '../../shared/adapters/sqlite/sqlite-store.ts'
import { migrate, readMigrations } from '../../shared/adapters/sqlite/migrations.ts'
import { batchOf, orderAt } from '../contract/store-fixtures.ts'

const MIGRATIONS = readMigrations(new URL('../../infra/sql/sqlite/', import.meta.url))
const FIRST_WITH_TERMS = 4

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-search-terms-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const file = () => join(directory, 'orders.db')
const named = (offset: number, customerName: string) => orderAt(offset, { order: { customerName } })

async function foundIn({ views }: Awaited<ReturnType<typeof createSqliteStore>>, q: string): Promise<string[]> {
  return (await views.search({ q, limit: 50 })).items.map(({ orderId }) => orderId)
}

test('a word of a batch that was rolled back is found when it comes again', async () => {
  await using opened = await createSqliteStore({ file: file() })
  await opened.store.previewBatch([named(0, 'Previewed')])
  const kept = named(1, 'Previewed')
  await opened.store.storeBatch(batchOf([kept]))
  expect(await foundIn(opened, 'previewed')).toEqual([kept.orderId])
})

test('a word of a good order is found though a refused one made the batch begin anew', async () => {
  await using opened = await createSqliteStore({ file: file() })
  const [item] = orderAt(0).order.orderItems
  const tooMany = Array.from({ length: 501 }, () => item!)
  const good = named(0, 'Sound')
  const refused = orderAt(1, { order: { orderItems: tooMany } })
  const { outcomes } = await opened.store.storeBatch(batchOf([good, refused]))
  expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'rejected'])
  expect(await foundIn(opened, 'sou')).toEqual([good.orderId])
})

test('what a file held before it had a list of words is found by words and beginnings', async () => {
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
