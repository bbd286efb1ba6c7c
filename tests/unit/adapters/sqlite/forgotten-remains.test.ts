import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { actAt, batchOf, orderAt, parkedFrom } from '../../../contract/store-fixtures.ts'
import { storeInEarlierFile } from '../../../support/disk/earlier-sqlite-file.ts'
import { createRandom } from '../../../support/random.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const CUSTOMER = 48_213
const BEFORE_FORGETTING = 15
const hers = (offset: number, customerName: string) =>
  orderAt(offset, { order: { customerId: CUSTOMER, customerName, shippingAddress: `${offset} Umbralwick Lane` } })

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})
const file = () => join(directory, 'orders.sqlite')

function occurrences(word: string): number {
  const texts = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1').toLowerCase())
  return texts.join('\n').split(word).length - 1
}

/** A file written by an earlier version, which left deleted content where it was and folded words by another rule. */
function writeEarlierFile(): void {
  const db = new DatabaseSync(file())
  const earlier = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
  db.exec('PRAGMA secure_delete = OFF')
  migrate(
    db,
    file(),
    earlier.filter(({ version }) => version <= BEFORE_FORGETTING),
  )
  storeInEarlierFile(db, [hers(0, 'Zyxelda')])
  const insert = db.prepare('INSERT INTO order_search (rowid, words) VALUES (1, ?)')
  insert.run('zyxelda §zyxelda zyxoldfolding ¤c48213')
  db.exec(`INSERT INTO search_terms VALUES ('zyxelda'), ('§zyxelda'), ('zyxoldfolding')`)
  const note = db.prepare('INSERT INTO order_history (order_id, at, kind, reason) VALUES (?, 0, ?, ?)')
  for (let n = 0; n < 200; n += 1) note.run(Buffer.alloc(16), 'discarded', `zyxdeleted ${'x'.repeat(300)}`)
  db.exec('DELETE FROM order_history')
  db.close()
}

test('in a file of an earlier version, words of an earlier folding and deleted rows go with the first forgetting', async () => {
  writeEarlierFile()
  for (const word of ['zyxelda', 'umbralwick', 'zyxdeleted']) expect(occurrences(word)).toBeGreaterThan(0)
  await using store = await createSqliteStore({ file: file() })
  await store.forgetting.forget(CUSTOMER, actAt(0))
  await store.forgetting.purge()
  for (const word of ['zyxelda', 'zyxoldfolding', 'umbralwick', 'zyxdeleted'])
    expect([word, occurrences(word)]).toEqual([word, 0])
  expect((await store.views.list({ limit: 9, customerId: CUSTOMER })).items).toMatchObject([{ forgotten: true }])
  expect((await store.views.search({ q: 'shirt', limit: 9 })).items).toHaveLength(1)
})

test('remains are overwritten at the next startup if the process exited before that', async () => {
  {
    await using store = await createSqliteStore({ file: file() })
    const orders = Array.from({ length: 50 }, (_, n) => hers(n, 'Zyxelda'))
    await store.store.storeBatch(batchOf([], { parked: orders.map((order) => parkedFrom(order)) }))
    await store.store.storeBatch(batchOf(orders, { delivered: 'copy' }))
    await store.forgetting.forget(CUSTOMER, actAt(0))
  }
  const due = new DatabaseSync(file(), { readOnly: true })
  expect({ ...due.prepare('SELECT is_due FROM forgetting').get() }).toEqual({ is_due: 1 })
  due.close()
  await using _ = await createSqliteStore({ file: file() })
  await expect.poll(() => occurrences('zyxelda') + occurrences('umbralwick')).toBe(0)
})

test('a reader that keeps an earlier state makes the purge fail, and it can be repeated', async () => {
  await using store = await createSqliteStore({ file: file() })
  await store.store.storeBatch(batchOf([hers(0, 'Zyxelda')]))
  const reader = new DatabaseSync(file(), { readOnly: true })
  reader.exec('BEGIN; SELECT count(*) FROM orders')
  reader.prepare('SELECT count(*) FROM orders').get()
  await store.forgetting.forget(CUSTOMER, actAt(0))
  await expect(store.forgetting.purge()).rejects.toMatchObject({ code: 'store-busy', retriable: true })
  reader.exec('COMMIT')
  await store.forgetting.purge()
  expect(occurrences('zyxelda')).toBe(0)
  reader.close()
}, 20_000)

// Rows that become shorter move to other pages, and SQLite leaves copies of them in their old pages.
test('no copy of a row stays in the free space of a page', async () => {
  await using store = await createSqliteStore({ file: file() })
  const random = createRandom(7)
  const orders = Array.from({ length: 500 }, (_, offset) => {
    const customerId = random.chance(0.5) ? CUSTOMER : offset + 1
    const shippingAddress = `Umbralwick ${'x'.repeat(random.whole(0, 180))}`
    return orderAt(offset, { order: { customerId, ...(customerId === CUSTOMER && { shippingAddress }) } })
  })
  for (let start = 0; start < orders.length; start += 50) {
    await store.store.storeBatch(batchOf(orders.slice(start, start + 50)))
  }
  await store.forgetting.forget(CUSTOMER, actAt(0))
  await store.forgetting.purge()
  expect(occurrences('umbralwick')).toBe(0)
})

/** Gives the index more levels than its few segments need, like those of an index that once held many orders. */
function enlargeIndex(): void {
  const db = new DatabaseSync(file())
  const commands = ['rowid, words) VALUES (?, ?)', "order_search, rowid, words) VALUES ('delete', ?, ?)"]
  for (const command of commands) {
    const statement = db.prepare(`INSERT INTO order_search (${command}`)
    for (let n = 1; n <= 300; n += 1) statement.run(n, `word${n} other${n * 31}`)
  }
  db.close()
}

// In such an index, FTS5 merges into a level below the highest one, and keeps deleted words there.
test('no word of an archived order stays in a search index that once had more orders', async () => {
  await (await createSqliteStore({ file: file() }))[Symbol.asyncDispose]()
  enlargeIndex()
  await using store = await createSqliteStore({ file: file() })
  for (const order of [...[0, 1, 2, 3, 4].map((offset) => hers(offset, 'Zyxelda')), orderAt(5)]) {
    await store.store.storeBatch(batchOf([order]))
  }
  const { items } = await store.archive.exportOrders({ before: '2027-01-01T00:00:00.000Z', limit: 9 })
  for (const { orderId, hash } of items) await store.archive.archiveOrders([{ orderId, hash }], 'a file', actAt(0))
  expect(occurrences('zyxelda')).toBeGreaterThan(0)
  await store.forgetting.forget(CUSTOMER, actAt(0))
  await store.forgetting.purge()
  expect(occurrences('zyxelda') + occurrences('umbralwick')).toBe(0)
})
