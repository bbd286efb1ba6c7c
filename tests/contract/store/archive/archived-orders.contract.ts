import { beforeEach, describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  changeAt,
  GROUP,
  keyHash,
  letterIdOf,
  letterOf,
  lineOf,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  openForEachTest,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { AMEND, archiveSteps, CANCEL, lastOrder } from './archive-steps.ts'

/** What the ports other than `Archive` guarantee about archived orders. */
export function archivedOrdersContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, with archived orders`, () => {
    const opened = openForEachTest(open)
    const { store, archiveAll, restore, listed, storeRich } = archiveSteps(opened)
    let last: OrderToStore
    beforeEach(() => {
      last = lastOrder()
    })
    const storeLast = () => store([last])

    test('a record of an archived order is recognised, and brings nothing back', async () => {
      const { order, changes } = await storeRich()
      await storeLast()
      await archiveAll()
      const copy = { ...order, origin: place(4) }
      const other = { ...orderAt(5, { order: { customerName: 'Other' } }), orderId: order.orderId }
      expect((await store([order])).outcomes).toEqual([{ kind: 'stored' }])
      expect(await store([copy])).toMatchObject({ outcomes: [{ kind: 'duplicate' }], counted: true })
      expect((await store([other])).outcomes).toMatchObject([{ kind: 'rejected', code: 'order-id-reused' }])
      const again = await store([], { changes })
      expect(again.changes).toEqual([{ kind: 'applied' }, { kind: 'refused' }, { kind: 'applied' }])
      const moved = changes.map((change, at) => ({ ...change, origin: place(5 + at) }))
      expect((await store([], { changes: moved })).changes).toEqual(moved.map(() => ({ kind: 'duplicate' })))
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({ duplicate: 4, balanced: true })
      expect(await listed()).toEqual([last.orderId])
      expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
    })

    test('a late failure of an archived order or change gives neither a status', async () => {
      const { order, changes } = await storeRich()
      await storeLast()
      await archiveAll()
      const parked = [parkedFrom({ ...order, origin: place(4) }), parkedChange({ ...changes[0]!, origin: place(5) })]
      await store([], { parked })
      await opened.deadLetters.keep([letterOf({ ...order, origin: place(4) })])
      expect(await opened.views.get(order.orderId)).toBeUndefined()
      expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
      expect((await opened.views.list({ limit: 9, status: 'retrying' })).items).toEqual([])
      expect((await opened.views.list({ limit: 9, status: 'dead-lettered' })).items).toEqual([])
    })

    test('their Idempotency-Keys are known, and belong to them', async () => {
      const { order, changes } = await storeRich()
      await storeLast()
      await archiveAll()
      expect(await opened.store.findByIdempotencyKey(keyHash('k1'))).toEqual({
        orderId: order.orderId,
        bodyHash: order.bodyHash,
        acceptedAt: order.acceptedAt,
      })
      expect(await opened.store.findChangeByIdempotencyKey(keyHash('c1'))).toEqual({
        changeId: changes[0]?.changeId,
        bodyHash: changes[0]?.bodyHash,
        acceptedAt: changes[0]?.acceptedAt,
      })
      const thief = orderAt(4, { idempotencyKeyHash: keyHash('k1') })
      expect((await store([thief])).outcomes).toMatchObject([{ kind: 'rejected', code: 'idempotency-key-reused' }])
      const changeThief = changeAt(5, last, AMEND, { idempotencyKeyHash: keyHash('c1') })
      expect((await store([], { changes: [changeThief] })).changes).toEqual([{ kind: 'refused' }])
    })

    test('a new change to an archived order is refused, even if its first attempt failed', async () => {
      const order = orderAt(0)
      await store([order])
      await storeLast()
      await archiveAll()
      const [first, second] = [changeAt(1, order, AMEND), changeAt(2, order, CANCEL)]
      await store([], { parked: [parkedChange(second)] })
      expect((await store([], { changes: [first] })).changes).toEqual([{ kind: 'refused' }])
      expect((await store([], { changes: [second], delivered: 'copy' })).changes).toEqual([{ kind: 'refused' }])
      const views = await opened.views.getChanges([first.changeId, second.changeId])
      for (const { changeId } of [first, second]) {
        expect(views.get(changeId)).toMatchObject({ status: 'rejected', cause: { code: 'order-archived' } })
      }
    })

    test('a discarded order stays discarded, and its letter is restored only after the order', async () => {
      const given = orderAt(0)
      await store([], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
      await opened.deadLetters.keep([letterOf(given)])
      await opened.redriveTasks.discard(letterIdOf(given), actAt(1))
      await storeLast()
      const orders = await archiveAll()
      expect((await store([given])).outcomes).toEqual([{ kind: 'withheld' }])
      expect((await store([{ ...given, origin: place(1) }])).outcomes).toEqual([{ kind: 'withheld' }])
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({
        stored: 0,
        parked: 2,
        balanced: true,
      })
      expect(await listed()).toEqual([last.orderId])
      await expect(opened.redriveTasks.restore(letterIdOf(given), actAt(2))).rejects.toMatchObject({
        code: 'conflict',
      })
      await restore(orders)
      expect(await opened.views.get(given.orderId)).toMatchObject({ status: 'discarded', customerName: 'Alex' })
      expect((await opened.views.list({ limit: 9, status: 'discarded', q: 'alex' })).items).toHaveLength(1)
      await opened.redriveTasks.restore(letterIdOf(given), actAt(10))
      expect(await opened.views.get(given.orderId)).toMatchObject({ status: 'dead-lettered' })
    })
  })
}
