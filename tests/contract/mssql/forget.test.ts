import { expect, test } from 'vitest'
import { NO_PROGRESS } from '../../../shared/ports/maintenance.ts'
import { createConnection, type Row } from '../../../shared/adapters/mssql/database/connection.ts'
import { createQuery, type Query } from '../../../shared/adapters/mssql/database/query.ts'
import { TAKE_TURNS } from '../../../shared/adapters/mssql/changes/turns-sql.ts'
import { FORGET } from '../../../shared/adapters/mssql/forgetting/forget-customer-sql.ts'
import { createForgetting } from '../../../shared/adapters/mssql/forgetting/forget-customer.ts'
import { createBatchCommands } from '../../../shared/adapters/mssql/orders/store-batch.ts'
import { PROJECT_ORDERS } from '../../../shared/adapters/mssql/rebuild/rebuild-sql.ts'
import { createRebuildCommands } from '../../../shared/adapters/mssql/rebuild/rebuild.ts'
import { newOrderJson } from '../../../shared/domain/order-events.ts'
import { FROM_THE_BEGINNING } from '../../../shared/ports/retention.ts'
import { describeMssql, TABLES } from '../open-mssql.ts'
import {
  actAt,
  batchOf,
  changeAt,
  foreignLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  orderAt,
  parkedFrom,
} from '../store-fixtures.ts'
import { CUSTOMER, hers, moved, WORDS } from '../forgetting-fixtures.ts'
import { forgetContract } from '../store/forget.contract.ts'

describeMssql((open, _, database) => {
  forgetContract('SQL Server', open)

  /** Runs `first` just before this statement is sent for the first time, as another instance might. */
  async function before(statement: string, first: () => Promise<unknown>, work: (query: Query) => Promise<unknown>) {
    await using connection = createConnection({ connectionString: database.connectionString, onError: console.error })
    const send = createQuery(connection)
    let sent = 0
    await work(async (text, parameters, timeoutMs) => {
      if (text === statement && sent++ === 0) await first()
      return send(text, parameters, timeoutMs)
    })
    return sent
  }

  test('data that is stored or changed between the last look and the transaction is found', async () => {
    await using opened = await open()
    const [stored, late, retried] = [hers(0), hers(1), hers(2)]
    const letter = foreignLetterOf(hers(3), 3)
    await opened.store.storeBatch(batchOf([stored], { parked: [parkedFrom(retried)] }))
    const meanwhile = async () => {
      const changes = [changeAt(4, stored, moved('1 Umbral Lane')), changeAt(5, retried, moved('2 Umbral Lane'))]
      await opened.store.storeBatch(batchOf([late], { changes }))
      await opened.store.storeBatch(batchOf([], { delivered: 'copy', parked: [parkedFrom(retried, { attempt: 2 })] }))
      await opened.deadLetters.keep([letter])
    }
    const sent = await before(FORGET, meanwhile, async (query) => {
      const held = await createForgetting(query).forget(CUSTOMER, actAt(1))
      expect(held).toMatchObject({ orders: 2, unstored: 1, changes: 2, deadLetters: 1 })
    })
    expect(sent).toBe(2)
    const orders = [stored, late, retried].map(({ orderId }) => orderId)
    const views = await opened.views.getMany(orders)
    expect([...views.values()].map(({ forgotten }) => forgotten)).toEqual([true, true, true])
    const changes = await Promise.all(orders.map((orderId) => opened.views.changes(orderId, { limit: 9 })))
    const kept = await opened.deadLetters.get('orders-dlt:0:3')
    const texts = JSON.stringify([[...views.values()], changes, Buffer.from(kept?.value ?? []).toString()])
    expect(texts).not.toMatch(/Zelda|Umbral/)
    expect((await opened.redriveTasks.audit({ limit: 9 })).items).toHaveLength(1)
  })

  test('a letter that retention empties between the last look and the transaction stays empty', async () => {
    await using opened = await open()
    const letter = letterOf(hers(0))
    await opened.deadLetters.keep([letter])
    await opened.redriveTasks.discard(letterIdOf(hers(0)), actAt(0))
    const bounds = { olderThan: actAt(1).at, from: FROM_THE_BEGINNING, limit: 9 }
    const meanwhile = async () =>
      expect(await opened.retention.remove('dead-letters', bounds)).toMatchObject({ removed: 1 })
    await before(FORGET, meanwhile, (query) => createForgetting(query).forget(CUSTOMER, actAt(2)))
    await database.run(`
      IF EXISTS (SELECT 1 FROM dead_letters AS d WHERE d.record_value IS NOT NULL OR d.headers <> N'[]')
        THROW 50000, 'Something came back.', 1;`)
  })

  test('a decision that was made before the customer was forgotten is made again', async () => {
    await using opened = await open()
    const order = hers(0)
    await opened.store.storeBatch(batchOf([order]))
    const change = changeAt(1, order, { kind: 'amend', amendment: { shippingAddress: '1 Umbral Lane', totalPrice: 5 } })
    const forget = () => opened.forgetting.forget(CUSTOMER, actAt(1))
    await before(TAKE_TURNS, forget, (query) =>
      createBatchCommands(query).storeBatch(batchOf([], { changes: [change] })),
    )
    const seen = await opened.views.get(order.orderId)
    expect(seen).toMatchObject({ version: 2, totalPrice: 5, forgotten: true })
    expect(JSON.stringify(seen)).not.toMatch(/Zelda|Umbral/)
    expect((await opened.views.search({ q: 'zelda', limit: 9 })).items).toEqual([])
  })

  test('a rebuild repairs the data that a forgotten order has kept', async () => {
    await using opened = await open()
    const order = hers(0)
    await opened.store.storeBatch(batchOf([order]))
    await opened.forgetting.forget(CUSTOMER, actAt(1))
    const before = await opened.views.get(order.orderId)
    await database.run('UPDATE orders SET total_price = 0; DELETE FROM order_items;')
    const step = { owner: 'one', at: actAt(2).at, leaseMs: 10_000, progress: NO_PROGRESS, logStarts: [] }
    await opened.maintenance.beginRebuild(step, actAt(2))
    await opened.maintenance.projectOrders(step, GROUP, [order])
    await opened.maintenance.swapOrders(step)
    expect(await opened.views.get(order.orderId)).toEqual(before)
  })

  test('a rebuild does not give data back to an order that is stored during its step', async () => {
    await using opened = await open()
    const order = hers(0)
    await opened.forgetting.forget(CUSTOMER, actAt(1))
    const step = { owner: 'one', at: actAt(2).at, leaseMs: 10_000, progress: NO_PROGRESS, logStarts: [] }
    await opened.maintenance.beginRebuild(step, actAt(2))
    const store = () => opened.store.storeBatch(batchOf([order]))
    await before(PROJECT_ORDERS, store, (query) => createRebuildCommands(query).projectOrders(step, GROUP, [order]))
    await opened.maintenance.swapOrders(step)
    expect(await opened.views.get(order.orderId)).toMatchObject({ forgotten: true, status: 'stored' })
    expect(JSON.stringify(await opened.views.get(order.orderId))).not.toMatch(/Zelda|Umbral/)
  })

  test('no table has the personal data afterwards, whatever became of the orders', async () => {
    await using opened = await open()
    const [stored, waiting, dead, cancelled] = [hers(0), hers(1), hers(2), hers(3)]
    const changes = [
      changeAt(4, stored, moved('1 Umbral Lane')),
      changeAt(5, waiting, moved('2 Umbral Lane')),
      changeAt(6, cancelled, { kind: 'cancel', reason: 'Zelda is ill' }),
    ]
    const parked = [parkedFrom(waiting), parkedFrom(dead, { state: 'dead', attempt: 4, nextAttemptAt: null })]
    await opened.store.storeBatch(batchOf([stored, cancelled], { changes, parked }))
    const headers = [['x-name', Buffer.from('Zelda')]] as const
    await opened.deadLetters.keep([letterOf(dead, { stack: 'Zelda', headers }), foreignLetterOf(hers(7), 7)])
    await opened.redriveTasks.recordEdit(letterIdOf(dead), Buffer.from(newOrderJson(dead.order)), actAt(0))
    const step = { owner: 'dead', at: actAt(-90).at, leaseMs: 1000, progress: NO_PROGRESS, logStarts: [] }
    await opened.maintenance.beginRebuild(step, actAt(-90))
    await opened.maintenance.projectOrders(step, GROUP, [stored])
    const found = async () => {
      await using connection = createConnection({ connectionString: database.connectionString, onError: console.error })
      const tables = await Promise.all(TABLES.map((table) => connection.query(`SELECT * FROM ${table};`)))
      return TABLES.filter((_, i) => WORDS.some((word) => textOf(tables[i] ?? []).includes(word.toLowerCase())))
    }
    const WITH_DATA = ['rebuilt_orders', 'dead_letters', 'order_words', 'order_changes', 'orders', 'order_state_words']
    expect(await found()).toEqual(expect.arrayContaining([...WITH_DATA, 'order_states']))
    await opened.forgetting.forget(CUSTOMER, actAt(1))
    expect(await found()).toEqual([])
  })

  test('words that an earlier version made by another rule are removed too', async () => {
    await using opened = await open()
    await opened.store.storeBatch(batchOf([hers(0), orderAt(1)]))
    await database.run(
      "INSERT INTO order_words (word, order_seq, in_name) SELECT N'zéldaold', MIN(seq), 1 FROM orders;",
    )
    expect((await opened.views.search({ q: 'zelda', limit: 9 })).items).toHaveLength(1)
    await opened.forgetting.forget(CUSTOMER, actAt(1))
    await using connection = createConnection({ connectionString: database.connectionString, onError: console.error })
    const [rows] = await connection.query("SELECT w.word FROM order_words AS w WHERE w.word LIKE N'z%';")
    expect(rows).toEqual([])
  })
})

/** All values of these rows as text in lower case, with one character for each byte of binary data. */
function textOf(results: readonly (readonly Row[])[]): string {
  const values = results.flat().flatMap((row) => Object.values(row))
  return values
    .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)))
    .join('\n')
    .toLowerCase()
}
