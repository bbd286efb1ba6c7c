import { beforeEach, describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  batchOf,
  changeAt,
  keyHash,
  letterIdOf,
  letterOf,
  NOW,
  orderAt,
  parkedFrom,
  place,
  openForEachTest,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { AMEND, archiveSteps, FILE, idsOf, lastOrder, written } from './archive-steps.ts'

/** What every adapter for `Archive` guarantees about the orders that it restores. */
export function restoredOrdersContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, restoring orders`, () => {
    const opened = openForEachTest(open)
    const { store, exported, archive, archiveAll, restore, listed, found, storeRich } = archiveSteps(opened)
    let last: OrderToStore
    beforeEach(() => {
      last = lastOrder()
    })
    const storeLast = () => store([last])

    test('brings everything back, at its place in lists and searches', async () => {
      const { order } = await storeRich()
      const others = [orderAt(4), orderAt(5)]
      await store(others)
      await storeLast()
      const view = await opened.views.get(order.orderId)
      const history = await opened.views.history(order.orderId)
      const changes = await opened.views.changes(order.orderId, { limit: 9 })
      const sequence = await listed()
      const orders = await archiveAll()
      expect(await listed()).toEqual([last.orderId])
      expect(await restore(orders.toReversed())).toEqual({ restored: 3, known: 0 })
      expect(await opened.views.get(order.orderId)).toEqual(view)
      expect(await opened.views.history(order.orderId)).toEqual(history)
      expect(await opened.views.changes(order.orderId, { limit: 9 })).toEqual(changes)
      expect(await opened.views.archivedAt(order.orderId)).toBeUndefined()
      expect(await listed()).toEqual(sequence)
      expect(await found('renamed')).toEqual([order.orderId])
      expect(idsOf((await opened.views.list({ limit: 9, to: NOW })).items)).toHaveLength(3)
      expect(new Set(await exported())).toEqual(new Set(orders))
    })

    test('changes nothing about an order that is already there', async () => {
      const order = orderAt(0)
      await store([order])
      await storeLast()
      const orders = await exported()
      await store([], { changes: [changeAt(1, order, AMEND)] })
      expect(await restore(orders)).toEqual({ restored: 0, known: 1 })
      expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Renamed' })
      expect((await opened.redriveTasks.audit({ limit: 9, target: FILE })).items).toEqual([])
    })

    test('has one audit entry for each restore of a file, however soon the second follows the first', async () => {
      await store([orderAt(0), orderAt(1)])
      await storeLast()
      const [first, second] = await exported()
      await archive([first!, second!])
      await restore([first!], { ...actAt(9), continues: true })
      await restore([second!], { ...actAt(10), continues: true })
      await archive([first!, second!])
      await restore([first!], actAt(20))
      await restore([second!], { ...actAt(21), continues: true })
      const entries = (await opened.redriveTasks.audit({ limit: 9, target: FILE })).items
      const restores = entries.filter(({ action }) => action === 'restore-archive')
      expect(restores.map(({ at }) => at)).toEqual([actAt(20).at, actAt(9).at])
    })

    test('takes an order that the store never had', async () => {
      const { order } = await storeRich()
      await storeLast()
      const orders = await exported()
      await using another = await open()
      await another.store.storeBatch(batchOf([orderAt(90)]))
      expect(await another.archive.restoreOrders(written(orders), FILE, actAt(1))).toEqual({ restored: 1, known: 0 })
      expect(await another.views.get(order.orderId)).toMatchObject({ status: 'cancelled', version: 3 })
    })

    test('lets a record of the order be recognised as before', async () => {
      const order = orderAt(0, { idempotencyKeyHash: keyHash('k') })
      await store([order])
      await storeLast()
      await restore(await archiveAll())
      expect((await store([order])).outcomes).toEqual([{ kind: 'stored' }])
      expect((await store([{ ...order, origin: place(1) }])).outcomes).toEqual([{ kind: 'duplicate' }])
      const changed = await store([], { changes: [changeAt(2, order, AMEND)] })
      expect(changed.changes).toEqual([{ kind: 'applied' }])
    })

    test('refuses an older copy of an order that was restored, changed and archived again', async () => {
      const [order, other] = [orderAt(0), orderAt(1)]
      await store([order, other])
      await storeLast()
      const older = await archiveAll()
      await restore(older)
      await store([], { changes: [changeAt(2, order, AMEND)] })
      const newer = await exported()
      await opened.archive.archiveOrders(newer, 'newer.ndjson.gz', actAt(1))
      await expect(restore(older)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(`${order.orderId} .* newer\\.ndjson\\.gz`),
      })
      expect(await listed()).toEqual([last.orderId])
      expect(await restore(newer)).toEqual({ restored: 2, known: 0 })
      expect(await restore(older)).toEqual({ restored: 0, known: 2 })
      expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Renamed' })
    })

    test('refuses an older copy of a discarded order that was redriven, stored and archived again', async () => {
      const given = orderAt(0)
      await store([], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
      await opened.deadLetters.keep([letterOf(given)])
      await opened.redriveTasks.discard(letterIdOf(given), actAt(1))
      await storeLast()
      const older = await archiveAll()
      await restore(older)
      await opened.redriveTasks.restore(letterIdOf(given), actAt(2))
      await store([{ ...given, origin: place(5), redriveOf: letterIdOf(given) }])
      await store([orderAt(7)])
      const newer = (await exported()).filter(({ orderId }) => orderId === given.orderId)
      expect(newer).toMatchObject([{ order: { stored: { version: 1 } } }])
      await archive(newer)
      await expect(restore(older)).rejects.toMatchObject({ code: 'conflict' })
      expect(await restore(newer)).toEqual({ restored: 1, known: 0 })
    })

    test('refuses a document that the tables do not allow, with nothing changed', async () => {
      await store([orderAt(0), orderAt(1)])
      await storeLast()
      const orders = written(await archiveAll())
      const bad = { ...orders[1]!, stored: { ...orders[1]!.stored!, version: 0 } }
      const refused = opened.archive.restoreOrders([orders[0]!, bad], FILE, actAt(9))
      await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(bad.orderId) })
      expect(await listed()).toEqual([last.orderId])
    })

    test('refuses an order whose Idempotency-Key belongs to another one', async () => {
      const order = orderAt(0, { idempotencyKeyHash: keyHash('k') })
      await store([order])
      await storeLast()
      const orders = written(await exported())
      await using another = await open()
      await another.store.storeBatch(batchOf([orderAt(90, { idempotencyKeyHash: keyHash('k') })]))
      const refused = another.archive.restoreOrders(orders, FILE, actAt(1))
      await expect(refused).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('Idempotency-Key'),
      })
    })

    test('an order that is stored after archiving never gets the place of an archived one', async () => {
      await store([orderAt(0), orderAt(1)])
      const before = await exported()
      await archive(before)
      const next = orderAt(2)
      await store([next])
      expect((await restore(before)).restored).toBe(before.length)
      expect((await listed())[0]).toBe(next.orderId)
      expect(new Set(await listed()).size).toBe(3)
    })
  })
}
