import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { prepareListQueries } from '../../../../shared/adapters/sqlite/orders/order-lists.ts'
import { prepareOrderQueries } from '../../../../shared/adapters/sqlite/orders/order-views.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import type { ChangeToStore, OrderToStore } from '../../../../shared/ports/order-store.ts'
import { batchOf, changeAt, orderAt } from '../../../contract/store-fixtures.ts'
import { createRandom } from '../../../support/random.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))

let db: DatabaseSync
beforeEach(() => {
  db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', MIGRATIONS)
})

const named = (offset: number, order: OrderToStore, customerName: string): ChangeToStore =>
  changeAt(offset, order, { kind: 'amend', amendment: { customerName } })
const viewOf = ({ orderId }: OrderToStore) => prepareOrderQueries(db).getMany([orderId]).get(orderId)
const found = (q: string) =>
  prepareListQueries(db, prepareOrderQueries(db))
    .search({ q, limit: 200, customersOnly: true })
    .items.map(({ orderId }) => orderId)

test('an order that was lost and is stored again from its record gets the changes that were applied to it', () => {
  const commands = prepareBatchCommands(db)
  const order = orderAt(0)
  const last = changeAt(2, order, { kind: 'cancel', reason: 'enough' })
  commands.storeBatch(batchOf([order], { changes: [named(1, order, 'Zoë'), last] }))
  const before = viewOf(order)
  db.exec(`DELETE FROM order_items; DELETE FROM orders; INSERT INTO order_search (order_search) VALUES ('delete-all')`)
  commands.storeBatch(batchOf([order], { delivered: 'copy' }))
  expect(viewOf(order)).toEqual(before)
  expect(found('zoe')).toEqual([order.orderId])
  expect(found('alex')).toEqual([])
})

test('a batch of orders without changes runs one query about changes, and two while a change waits for another order', () => {
  const texts: string[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) =>
    new Proxy(prepare(sql), {
      get:
        (statement, name) =>
        (...values: unknown[]) => {
          texts.push(sql)
          return Reflect.apply(Reflect.get(statement, name) as () => unknown, statement, values)
        },
    })
  const commands = prepareBatchCommands(db)
  commands.storeBatch(batchOf([orderAt(0), orderAt(1), orderAt(2)]))
  const isAnyWaiting = `SELECT 1 FROM order_changes WHERE state = 'waiting' LIMIT 1`
  expect(texts.filter((sql) => sql.includes('order_change'))).toEqual([isAnyWaiting])
  commands.storeBatch(batchOf([], { changes: [named(3, orderAt(99), 'Zoë')] }))
  texts.length = 0
  commands.storeBatch(batchOf([orderAt(4), orderAt(5), orderAt(6)]))
  expect(texts.filter((sql) => sql.includes('order_change'))).toEqual([
    isAnyWaiting,
    expect.stringContaining('SELECT DISTINCT order_id'),
  ])
})

test('a word that is removed leaves the prefixes that it shares with a word that stays', () => {
  const commands = prepareBatchCommands(db)
  const order = orderAt(0, { order: { customerName: 'Alexa', customerLastName: 'Alexandra' } })
  // So many words share this prefix that a search does not look them up one by one.
  const letters = 'bcdefghijklmnopqrstu'.split('')
  const others = letters.flatMap((letter, index) =>
    ['x', 'y'].map((end, side) => orderAt(1 + 2 * index + side, { order: { customerName: `Al${letter}${end}` } })),
  )
  commands.storeBatch(batchOf([order, ...others]))
  const amendment = { customerName: 'Bert' }
  commands.storeBatch(batchOf([], { changes: [changeAt(99, order, { kind: 'amend', amendment })] }))
  for (const q of ['a', 'al', 'ale', 'alex', 'alexandra'])
    expect([q, found(q)[found(q).length - 1]]).toEqual([q, order.orderId])
  db.exec(`INSERT INTO order_search (order_search) VALUES ('integrity-check')`)
})

test('the index finds orders by what they are, however often they were amended and its parts merged', () => {
  const commands = prepareBatchCommands(db)
  const random = createRandom(7)
  const names = ['Alex', 'Zoë', 'Łukasz', "O'Connor", 'Jo', 'Joanna']
  const orders = Array.from({ length: 60 }, (_, offset) => orderAt(offset))
  const now = new Map(orders.map((order) => [order.orderId, 'Alex']))
  commands.storeBatch(batchOf(orders))
  for (let offset = 60; offset < 460; offset += 4) {
    const changes = [0, 1, 2, 3].map((step) => {
      const order = random.pick(orders)
      const name = random.pick(names)
      now.set(order.orderId, name)
      return named(offset + step, order, name)
    })
    commands.storeBatch(batchOf([], { changes }))
    if (offset % 100 === 0) db.exec(`INSERT INTO order_search (order_search) VALUES ('optimize')`)
  }
  const newestFirst = orders.map(({ orderId }) => orderId).toReversed()
  const having = (...some: string[]) => newestFirst.filter((orderId) => some.includes(now.get(orderId) ?? ''))
  for (const [q, name] of [
    ['alex', 'Alex'],
    ['zoe', 'Zoë'],
    ['lukasz', 'Łukasz'],
    ['oconnor', "O'Connor"],
    ['joanna', 'Joanna'],
  ] as const) {
    expect([q, found(q)]).toEqual([q, having(name)])
  }
  expect(found('jo').toSorted()).toEqual(having('Jo', 'Joanna').toSorted())
  db.exec(`INSERT INTO order_search (order_search) VALUES ('integrity-check')`)
})
