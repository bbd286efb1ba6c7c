import { describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import { FROM_THE_BEGINNING } from '../../../../shared/ports/retention.ts'
import { again, at, redriveSteps } from '../../redrive-fixtures.ts'
import {
  actAt,
  allPages,
  batchOf,
  changeAt,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { removesAll } from './removal-steps.ts'

const LAST = '2099-01-01T00:00:00.000Z'
const REMOVED = 'The other entries before this time were removed because of their age.'
const RENAME = { kind: 'amend', amendment: { customerName: 'Renamed' } } as const

/** What every store guarantees when old histories, audit entries and redrive tasks are removed. */
export function removedEntriesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, removing old entries`, () => {
    const opened = openForEachTest(open)
    const { dead, create, lease, claim, markSent, stored, kindsOf } = redriveSteps(() => opened)
    const remove = removesAll(() => opened)
    const historyOf = async ({ orderId }: OrderToStore) => opened.views.history(orderId)
    const removeHistories = async (olderThan: string) =>
      (await remove('histories', olderThan)) + (await remove('change-histories', olderThan))

    describe('from histories', () => {
      /** An order that fails at NOW, is stored at LATER, and is amended and cancelled one second after that. */
      async function storeWithHistory(offset: number): Promise<OrderToStore> {
        const order = orderAt(offset)
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order)] }))
        await opened.store.storeBatch(batchOf([order], { delivered: 'copy', now: LATER }))
        const changes = [changeAt(offset + 1, order, RENAME), changeAt(offset + 2, order, { kind: 'cancel' })]
        await opened.store.storeBatch(batchOf([], { changes, now: at(1) }))
        return order
      }

      test('leaves the acceptance and the storing, and says before which time the rest was removed', async () => {
        const orders = [await storeWithHistory(0), await storeWithHistory(3), await storeWithHistory(6)]
        const changes = await opened.views.changes(orders[0]!.orderId, { limit: 9 })
        const view = await opened.views.get(orders[0]!.orderId)
        expect(await kindsOf(orders[0]!)).toEqual(['accepted', 'attempt-failed', 'stored', 'amended', 'cancelled'])
        expect(await removeHistories(at(2))).toBe(9)
        for (const order of orders) {
          expect(await historyOf(order)).toEqual([
            { at: order.acceptedAt, kind: 'accepted' },
            { at: LATER, kind: 'stored' },
            { at: at(2), kind: 'entries-removed', reason: REMOVED },
          ])
        }
        expect(await opened.views.changes(orders[0]!.orderId, { limit: 9 })).toEqual(changes)
        expect(await opened.views.get(orders[0]!.orderId)).toEqual(view)
        expect(await removeHistories(at(2))).toBe(0)
      })

      test('takes a history as a whole: one that has a newer entry stays', async () => {
        const order = await storeWithHistory(0)
        const before = await historyOf(order)
        expect(await removeHistories(at(1))).toBe(0)
        expect(await historyOf(order)).toEqual(before)
      })

      test('continues with entries that were written since', async () => {
        const order = orderAt(0)
        await opened.store.storeBatch(batchOf([order]))
        await opened.store.storeBatch(batchOf([], { changes: [changeAt(1, order, RENAME)], now: at(1) }))
        await removeHistories(at(2))
        await opened.store.storeBatch(batchOf([], { changes: [changeAt(2, order, { kind: 'cancel' })], now: at(3) }))
        expect((await kindsOf(order))?.slice(1)).toEqual(['stored', 'entries-removed', 'cancelled'])
        await removeHistories(at(4))
        expect((await historyOf(order))?.slice(2)).toEqual([{ at: at(4), kind: 'entries-removed', reason: REMOVED }])
        await removeHistories(at(2))
        expect((await historyOf(order))?.slice(2)).toEqual([{ at: at(4), kind: 'entries-removed', reason: REMOVED }])
      })

      test('leaves orders alone if anything about them is open', async () => {
        const [retrying, withLetter, withChange] = [orderAt(10), await storeWithHistory(0), await storeWithHistory(3)]
        const [waiting] = (await dead(1, 11)) as [OrderToStore]
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(retrying)] }))
        await opened.deadLetters.keep([letterOf({ ...withLetter, origin: place(20) })])
        const early = changeAt(30, withChange, RENAME)
        // The change's record is not counted yet, so its turn has not come.
        await opened.store.storeBatch(batchOf([], { delivered: 'copy', changes: [early], now: NOW }))
        const orders = [retrying, withLetter, withChange, waiting]
        const before = await Promise.all(orders.map(historyOf))
        expect(await removeHistories(LAST)).toBe(0)
        expect(await Promise.all(orders.map(historyOf))).toEqual(before)
        await opened.redriveTasks.discard(letterIdOf({ origin: place(20) }), actAt(5))
        expect(await removeHistories(LAST)).toBe(3)
        expect((await kindsOf(withLetter))?.at(-1)).toBe('entries-removed')
      })

      test('treats a discarded order as final', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1, { reason: 'Of Kim Doe.' }))
        expect(await removeHistories(at(2))).toBe(2)
        expect(await kindsOf(order)).toEqual(['accepted', 'entries-removed'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'discarded' })
        await opened.redriveTasks.restore(letterIdOf(order), actAt(3))
        await create()
        await lease()
        await claim(9)
        await markSent([order], 4)
        await stored([again(order, 5)], 5)
        expect(await kindsOf(order)).toEqual(['accepted', 'entries-removed', 'restored', 'redriven', 'stored'])
      })

      test('can be interrupted after any step', async () => {
        const order = await storeWithHistory(0)
        const bounds = { olderThan: at(2), from: FROM_THE_BEGINNING, limit: 1 }
        expect(await opened.retention.remove('change-histories', bounds)).toMatchObject({ removed: 1 })
        expect(await kindsOf(order)).toEqual(['accepted', 'attempt-failed', 'stored', 'cancelled', 'entries-removed'])
        expect(await removeHistories(at(2))).toBe(2)
        expect(await kindsOf(order)).toEqual(['accepted', 'stored', 'entries-removed'])
      })

      test('takes the earlier entries too when the last one is old', async () => {
        const order = orderAt(0)
        await opened.store.storeBatch(batchOf([order]))
        await opened.store.storeBatch(batchOf([], { changes: [changeAt(1, order, RENAME)], now: at(1) }))
        await opened.store.storeBatch(batchOf([], { changes: [changeAt(2, order, { kind: 'cancel' })], now: at(3) }))
        const bounds = { from: FROM_THE_BEGINNING, limit: 1 }
        const early = await opened.retention.remove('change-histories', { ...bounds, olderThan: at(2) })
        expect(early).toEqual({ removed: 0, next: expect.any(Number) as number })
        const late = { ...bounds, from: early.next ?? NaN, olderThan: at(4) }
        expect(await opened.retention.remove('change-histories', late)).toMatchObject({ removed: 2 })
        expect(await kindsOf(order)).toEqual(['accepted', 'stored', 'entries-removed'])
      })

      test('survives an archive: the order returns with the note, and without the entries', async () => {
        const order = await storeWithHistory(0)
        await opened.store.storeBatch(batchOf([orderAt(3)]))
        const exported = async () =>
          (await allPages((page) => opened.archive.exportOrders({ before: LAST, limit: 9, ...page }))).filter(
            ({ orderId }) => orderId === order.orderId,
          )
        const early = await exported()
        await removeHistories(at(2))
        // The document has entries that the store no longer has.
        expect(await opened.archive.archiveOrders(early, 'a-file', actAt(5))).toMatchObject({
          changed: [order.orderId],
        })
        const orders = await exported()
        expect(await opened.archive.archiveOrders(orders, 'a-file', actAt(5))).toMatchObject({ archived: 1 })
        expect(await historyOf(order)).toBeUndefined()
        await opened.archive.restoreOrders(
          orders.map(({ order: document }) => document),
          'a-file',
          actAt(6),
        )
        expect(await kindsOf(order)).toEqual(['accepted', 'stored', 'entries-removed'])
      })

      test('is done once by two processes at the same time', async () => {
        const orders = []
        for (let n = 0; n < 4; n += 1) orders.push(await storeWithHistory(3 * n))
        const removed = await Promise.all([removeHistories(at(2)), removeHistories(at(2))])
        expect(removed[0] + removed[1]).toBe(12)
        for (const order of orders) expect(await kindsOf(order)).toEqual(['accepted', 'stored', 'entries-removed'])
      })
    })

    describe('from the audit log', () => {
      const actions = async () => (await opened.redriveTasks.audit({ limit: 50 })).items.map(({ at: when }) => when)

      test('takes the entries before the time, in steps', async () => {
        for (let second = 1; second <= 5; second += 1) {
          await opened.maintenance.recordAct('backup', 'a backup', actAt(second))
        }
        const bounds = { olderThan: at(4), from: FROM_THE_BEGINNING, limit: 2 }
        expect(await opened.retention.remove('audit', bounds)).toMatchObject({ removed: 2 })
        expect(await remove('audit', at(4))).toBe(1)
        expect(await actions()).toEqual([at(5), at(4)])
      })
    })

    describe('from the redrives', () => {
      const ids = async () => (await opened.redriveTasks.list({ limit: 9 })).items.map(({ id }) => id)
      const end = (id: string, second: number, state: 'done' | 'stopped') =>
        opened.redriveTasks.release(id, 'one', {
          dueMs: 0,
          at: at(second),
          ending: state === 'done' ? { state } : { state, why: 'Two failed.' },
        })

      test('takes tasks that ended before the time, and leaves their letters', async () => {
        const [one, other] = (await dead(2)) as [OrderToStore, OrderToStore]
        await create({ ids: [letterIdOf(one)] }, 'task')
        await lease()
        await end('task', 1, 'done')
        await create({ ids: [letterIdOf(one)] }, 'stopped')
        await lease()
        await end('stopped', 2, 'stopped')
        await create({ ids: [letterIdOf(other)] }, 'late')
        await lease()
        await end('late', 9, 'done')
        await create({}, 'running')
        expect(await remove('redrives', at(5))).toBe(2)
        expect((await ids()).toSorted()).toEqual(['late', 'running'])
        expect(await remove('redrives', LAST)).toBe(1)
        expect(await ids()).toEqual(['running'])
        expect(await opened.redriveTasks.get('running')).toMatchObject({ total: 2, waiting: 2 })
        expect(await opened.deadLetters.count({ state: 'dead' })).toBe(2)
      })

      test('shows no task of which only a part is removed, and does not let it run again', async () => {
        const orders = await dead(5)
        await create()
        await opened.redriveTasks.change('task', 'cancelled', actAt(1))
        const step = () => opened.retention.remove('redrives', { olderThan: at(5), from: FROM_THE_BEGINNING, limit: 2 })
        expect(await step()).toEqual({ removed: 0, next: FROM_THE_BEGINNING })
        expect(await ids()).toEqual([])
        expect(await opened.redriveTasks.get('task')).toBeUndefined()
        await expect(opened.redriveTasks.change('task', 'running', actAt(2))).rejects.toMatchObject({
          code: 'not-found',
        })
        expect(await lease()).toBeUndefined()
        expect([(await step()).removed, (await step()).removed, (await step()).next]).toEqual([0, 1, null])
        await create({ ids: orders.map(letterIdOf) }, 'another')
        expect(await opened.redriveTasks.get('another')).toMatchObject({ total: 5 })
      })
    })
  })
}
