import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import { openSqlite } from '../open-sqlite.ts'
import { orderAt } from '../store-fixtures.ts'
import { archiveAndRebuildContract } from '../store/archive/archive-and-rebuild.contract.ts'
import { archiveSteps, lastOrder } from '../store/archive/archive-steps.ts'
import { archivedOrdersContract } from '../store/archive/archived-orders.contract.ts'
import { exportedOrdersContract } from '../store/archive/exported-orders.contract.ts'
import { givenUpOrdersContract } from '../store/archive/given-up-orders.contract.ts'
import { restoredOrdersContract } from '../store/archive/restored-orders.contract.ts'

exportedOrdersContract('SQLite', openSqlite)
givenUpOrdersContract('SQLite', openSqlite)
archivedOrdersContract('SQLite', openSqlite)
restoredOrdersContract('SQLite', openSqlite)
archiveAndRebuildContract('SQLite', openSqlite)

test('an order is found although the first attempt to restore it was rolled back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-archive-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'orders.sqlite')
  await using opened = await createSqliteStore({ file })
  const { store, archiveAll, restore, found } = archiveSteps(opened)
  const order = orderAt(0, { order: { customerName: 'Zelda' } })
  await store([order, lastOrder()])
  const orders = await archiveAll()
  const other = new DatabaseSync(file)
  onTestFinished(() => other.close())
  // Archiving leaves the orders' words in search_terms. This statement empties it, as forgetting a customer does.
  other.exec('DELETE FROM search_terms')
  other.exec(`CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'The audit is full.'); END`)
  await expect(restore(orders)).rejects.toThrow('The audit is full.')
  other.exec('DROP TRIGGER no_audit')
  expect(await restore(orders)).toEqual({ restored: 1, known: 0 })
  expect(await found('zelda')).toEqual([order.orderId])
})
