import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { expect, test } from 'vitest'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { batchOf, changeAt, keyHash, orderAt, parkedChange } from '../../../contract/store-fixtures.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const CANCEL = { kind: 'cancel' } as const

/** A database, and a list of the statements that looked something up in its tombstones. */
function watched() {
  const db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', MIGRATIONS)
  const lookUps: string[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    const statement = prepare(sql)
    const get = statement.get.bind(statement)
    if (/FROM archived_(?:orders|changes) WHERE/.test(sql)) {
      const counted = (...values: SQLInputValue[]) => {
        lookUps.push(sql)
        return get(...values)
      }
      statement.get = counted as typeof statement.get
    }
    return statement
  }
  return { db, lookUps }
}

test('a batch asks once whether anything is archived, however many orders, changes and failures it has', () => {
  const { db, lookUps } = watched()
  const commands = prepareBatchCommands(db)
  const orders = Array.from({ length: 5 }, (_, offset) => orderAt(offset, { idempotencyKeyHash: keyHash(`${offset}`) }))
  const changes = orders.map((order, n) => changeAt(10 + n, order, CANCEL, { idempotencyKeyHash: keyHash(`c${n}`) }))
  const parked = orders.map((order, n) => parkedChange(changeAt(20 + n, order, CANCEL)))
  commands.storeBatch(batchOf(orders, { changes, parked }))
  expect(lookUps).toHaveLength(1)
  commands.storeBatch(batchOf([], { changes: orders.map((order, n) => changeAt(30 + n, order, CANCEL)) }))
  expect(lookUps).toHaveLength(2)
})

test('a batch sees what was archived after the batch before it', () => {
  const { db } = watched()
  const commands = prepareBatchCommands(db)
  const order = orderAt(0)
  commands.storeBatch(batchOf([orderAt(1)]))
  db.prepare('INSERT INTO archived_orders (order_id, accepted_at, archived_at, file) VALUES (unhex(?), 0, 0, ?)').run(
    order.orderId.replaceAll('-', ''),
    'file',
  )
  expect(commands.storeBatch(batchOf([order])).outcomes).toEqual([{ kind: 'withheld' }])
  const { changes } = commands.storeBatch(batchOf([], { changes: [changeAt(2, order, CANCEL)] }))
  expect(changes).toEqual([{ kind: 'refused' }])
})
