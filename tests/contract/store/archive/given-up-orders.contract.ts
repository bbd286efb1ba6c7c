import { beforeEach, describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import { testOrderIds } from '../../../support/orders/orders.ts'
import {
  actAt,
  changeAt,
  GROUP,
  lineOf,
  orderAt,
  parkedChange,
  openForEachTest,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { AMEND, archiveSteps, FILE, lastOrder } from './archive-steps.ts'

/** What every adapter for `Archive` guarantees about the orders that it removes. */
export function givenUpOrdersContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, removing exported orders`, () => {
    const opened = openForEachTest(open)
    const { store, exported, archive, archiveAll, listed, found, storeRich } = archiveSteps(opened)
    let last: OrderToStore
    beforeEach(() => {
      last = lastOrder()
    })
    const storeLast = () => store([last])

    test('leaves them only in the view that says when they were archived', async () => {
      const { order } = await storeRich()
      const other = orderAt(4)
      await store([other])
      await storeLast()
      const orders = (await exported()).slice(0, 1)
      expect(await archive(orders)).toEqual({ archived: 1, known: 0, changed: [] })
      expect(await opened.views.get(order.orderId)).toBeUndefined()
      expect(await opened.views.history(order.orderId)).toBeUndefined()
      expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
      expect(await opened.views.archivedAt(order.orderId)).toBe(actAt(0).at)
      expect(await opened.views.archivedAt(other.orderId)).toBeUndefined()
      expect(await listed()).toEqual([last.orderId, other.orderId])
      expect((await opened.views.list({ limit: 9, status: 'cancelled' })).items).toEqual([])
      expect(await found('renamed')).toEqual([])
      // The word is also in the e-mail address of the last order.
      expect(await found('alex')).toEqual([other.orderId, last.orderId])
      expect(await found('web')).toEqual([])
    })

    test('happens once, however often it is repeated', async () => {
      await store([orderAt(0), orderAt(1)])
      await storeLast()
      const orders = await archiveAll()
      expect(await archive(orders, actAt(5))).toEqual({ archived: 0, known: 2, changed: [] })
      expect(await opened.views.archivedAt(orders[0]!.orderId)).toBe(actAt(0).at)
      expect(await exported()).toEqual([])
    })

    test('skips orders that have changed since they were exported', async () => {
      const [changed, waits, same] = [orderAt(0), orderAt(1), orderAt(2)]
      await store([changed, waits, same])
      await storeLast()
      const orders = await exported()
      await store([], { changes: [changeAt(3, changed, AMEND)] })
      await store([], { parked: [parkedChange(changeAt(4, waits, AMEND))] })
      const unknown = { ...orders[0]!, orderId: testOrderIds.next(0) }
      expect(await archive([...orders, unknown])).toEqual({
        archived: 1,
        known: 0,
        changed: [changed.orderId, waits.orderId, unknown.orderId],
      })
      expect(await opened.views.get(changed.orderId)).toMatchObject({ version: 2 })
      expect(await opened.views.get(waits.orderId)).toMatchObject({ status: 'stored' })
    })

    test('makes one audit entry for each file', async () => {
      const orders = Array.from({ length: 60 }, (_, offset) => orderAt(offset))
      await store(orders)
      await storeLast()
      const all = await exported()
      await archive(all.slice(0, 30), actAt(0, { reason: 'Old.' }))
      await archive(all.slice(30), { ...actAt(1, { reason: 'Old.' }), continues: true })
      expect((await opened.redriveTasks.audit({ limit: 9, target: FILE })).items).toEqual([
        { at: actAt(0).at, action: 'archive', target: FILE, operator: 'Kim', verified: false, reason: 'Old.' },
      ])
    })

    test('leaves the ledger as it is', async () => {
      await store([orderAt(0), orderAt(1)])
      await storeLast()
      const before = await opened.ledger.read(GROUP, 'orders', 9)
      await archiveAll()
      expect(await opened.ledger.read(GROUP, 'orders', 9)).toEqual(before)
      expect(lineOf(before)).toMatchObject({ stored: 2, balanced: true })
    })
  })
}
