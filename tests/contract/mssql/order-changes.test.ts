import { expect, test } from 'vitest'
import { describeMssql } from '../open-mssql.ts'
import { batchOf, changeAt, orderAt } from '../store-fixtures.ts'
import { orderChangesContract } from '../store/order-changes.contract.ts'

describeMssql((open, _, database) => {
  orderChangesContract('SQL Server', open)

  // The same test as in tests/unit/adapters/sqlite/order-changes.test.ts.
  test('an order that was lost and is stored again from its record gets the changes that were applied to it', async () => {
    await using opened = await open()
    const { store, views } = opened
    const order = orderAt(0)
    const first = changeAt(1, order, { kind: 'amend', amendment: { customerName: 'Zoë' } })
    const last = changeAt(2, order, { kind: 'cancel', reason: 'enough' })
    await store.storeBatch(batchOf([order], { changes: [first, last] }))
    const before = await views.get(order.orderId)
    await database.run('DELETE FROM order_items; DELETE FROM order_words; DELETE FROM orders;')
    await store.storeBatch(batchOf([order], { delivered: 'copy' }))
    expect(await views.get(order.orderId)).toEqual(before)
    expect(before).toMatchObject({ customerName: 'Zoë', status: 'cancelled', version: 3 })
    expect((await views.search({ q: 'zoe', limit: 9 })).items).toHaveLength(1)
    expect((await views.search({ q: 'alex', limit: 9, customersOnly: true })).items).toEqual([])
  })
})
