import { describe, expect, test } from 'vitest'
import { bodyHash, newOrderOf } from '../../../../shared/domain/order-events.ts'
import type { DeadLetter } from '../../../../shared/ports/dead-letters.ts'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import { again, at, redriveSteps } from '../../redrive-fixtures.ts'
import {
  actAt,
  allPages,
  batchOf,
  changeAt,
  changeLetterOf,
  foreignLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { removesAll, stepOfRebuild } from './removal-steps.ts'

const LAST = '2099-01-01T00:00:00.000Z'

/** What every store guarantees when old dead letters are removed, and afterwards. */
export function removedLettersContract(
  name: string,
  open: OpenEmptyStore,
  { forgets = true }: { forgets?: boolean } = {},
): void {
  describe(`${name}, removing settled letters`, () => {
    const opened = openForEachTest(open)
    const { dead, create, lease, claim, markSent, stored, stateOf } = redriveSteps(() => opened)
    const remove = removesAll(() => opened)
    const shown = () => allPages((page) => opened.deadLetters.list({ limit: 2, ...page }))
    const discard = (order: Pick<OrderToStore, 'origin'>, second = 1) =>
      opened.redriveTasks.discard(letterIdOf(order), actAt(second))
    const deliver = async (order: OrderToStore, delivered: 'origin' | 'copy' = 'origin') =>
      (await opened.store.storeBatch(batchOf([order], { delivered }))).outcomes[0]?.kind
    const statusOf = async ({ orderId }: OrderToStore) => (await opened.views.get(orderId))?.status
    const parked = async () => (await opened.ledger.read(GROUP, 'orders', 9)).parked
    const beginEpoch = (next: number) =>
      opened.maintenance.resetLedger(
        GROUP,
        { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next }] },
        actAt(9),
      )

    test('removes those that were settled before the time, in whichever way, and no others', async () => {
      const orders = await dead(8)
      const [discarded, together, redriven, failedAgain, retried, open, sent, young] = orders as [
        OrderToStore,
        OrderToStore,
        OrderToStore,
        OrderToStore,
        OrderToStore,
        OrderToStore,
        OrderToStore,
        OrderToStore,
      ]
      const late = orderAt(8)
      const later = orderAt(9)
      await discard(discarded)
      await opened.redriveTasks.discardMany([letterIdOf(together)], actAt(1))
      await create({ ids: [redriven, failedAgain, sent, later].map(letterIdOf).slice(0, 3) })
      await lease()
      await claim(9)
      await markSent([redriven, failedAgain, sent])
      await stored([again(redriven, 20)])
      const secondTime = again(failedAgain, 21)
      await opened.deadLetters.keep([letterOf(secondTime, { redriveOf: letterIdOf(failedAgain) })])
      await deliver(retried, 'copy')
      await opened.store.storeBatch(batchOf([late], { delivered: 'copy' }))
      await opened.deadLetters.keep([letterOf(late), foreignLetterOf(later, 3)])
      await opened.redriveTasks.discard('orders-dlt:0:3', actAt(1))
      await opened.redriveTasks.change('task', 'cancelled', actAt(5))
      await opened.redriveTasks.discard(letterIdOf(young), { ...actAt(1), at: LAST })
      const before = (await opened.ledger.read(GROUP, 'orders', 9)).parked

      expect(await remove('dead-letters', '2098-01-01T00:00:00.000Z')).toBe(7)
      const left = [young, open, sent, secondTime].map(letterIdOf)
      expect((await shown()).map(({ id }) => id).toSorted()).toEqual(left.toSorted())
      expect(await opened.deadLetters.count({})).toBe(4)
      const groups = await opened.deadLetters.groups({ limit: 9 })
      expect(groups.items.map(({ count }) => count)).toEqual([4])
      for (const order of [discarded, together, redriven, failedAgain, retried, late]) {
        expect(await stateOf(order)).toBeUndefined()
      }
      expect(await opened.deadLetters.get('orders-dlt:0:3')).toBeUndefined()
      expect(await opened.deadLetters.list({ limit: 9, orderId: discarded.orderId })).toMatchObject({ items: [] })
      expect((await opened.ledger.read(GROUP, 'orders', 9)).parked).toEqual(before)
      expect(await remove('dead-letters', '2098-01-01T00:00:00.000Z')).toBe(0)
    })

    test('counts from the last time that a letter was settled', async () => {
      const [order] = (await dead(1)) as [OrderToStore]
      await discard(order, 1)
      await opened.redriveTasks.restore(letterIdOf(order), actAt(2))
      expect(await remove('dead-letters', LAST)).toBe(0)
      await discard(order, 3)
      expect(await remove('dead-letters', at(3))).toBe(0)
      expect(await remove('dead-letters', at(4))).toBe(1)
    })

    test('leaves a letter alone while a running redrive has it', async () => {
      const orders = (await dead(2)) as [OrderToStore, OrderToStore]
      await create()
      await discard(orders[0])
      expect(await remove('dead-letters', LAST)).toBe(0)
      await opened.redriveTasks.change('task', 'cancelled', actAt(2))
      expect(await remove('dead-letters', LAST)).toBe(1)
      expect(await opened.redriveTasks.get('task')).toMatchObject({ total: 2, skipped: 1, waiting: 1 })
      expect(await opened.redriveTasks.change('task', 'running', actAt(3))).toMatchObject({ waiting: 1 })
      await lease()
      expect(await claim(9)).toEqual([letterIdOf(orders[1])])
    })

    test('does not let an operator act on a letter that was removed', async () => {
      const [order] = (await dead(1)) as [OrderToStore]
      await discard(order)
      await remove('dead-letters', LAST)
      const id = letterIdOf(order)
      const unknown = { code: 'dead-letter-not-found' }
      await expect(opened.redriveTasks.restore(id, actAt(2))).rejects.toMatchObject(unknown)
      await expect(opened.redriveTasks.discard(id, actAt(2))).rejects.toMatchObject(unknown)
      await expect(opened.redriveTasks.recordEdit(id, Buffer.from('{}'), actAt(2))).rejects.toMatchObject(unknown)
      await expect(opened.redriveTasks.markEdited(id, actAt(2))).rejects.toMatchObject(unknown)
      await expect(create({ ids: [id] })).rejects.toMatchObject(unknown)
      expect(await opened.redriveTasks.discardMany([id], actAt(2))).toBe(0)
      expect(await statusOf(order)).toBe('discarded')
    })

    test('does not keep the letter of a record again, but keeps a letter from another log at its position', async () => {
      const [order, foreign] = (await dead(2)) as [OrderToStore, OrderToStore]
      const nameless = letterOf(orderAt(7), { orderId: null, key: null, value: null })
      const ofBilling = foreignLetterOf(foreign, 3)
      await opened.deadLetters.keep([nameless, ofBilling])
      for (const id of [letterIdOf(order), 'orders:0:7', 'orders-dlt:0:3']) {
        await opened.redriveTasks.discard(id, actAt(1))
      }
      expect(await remove('dead-letters', LAST)).toBe(3)
      const before = await parked()
      await opened.deadLetters.keep([letterOf(order), nameless, ofBilling])
      expect((await shown()).map(({ id }) => id)).toEqual([letterIdOf(foreign)])
      expect(await parked()).toEqual(before)
      expect(await statusOf(order)).toBe('discarded')
      await opened.deadLetters.keep([letterOf({ ...orderAt(0), orderId: orderAt(0).orderId })])
      expect((await shown()).map(({ id }) => id)).toEqual(['orders@2:0:0', letterIdOf(foreign)])
    })

    test('withholds a discarded record that is delivered again, even in a new epoch of the ledger', async () => {
      const [order] = (await dead(1)) as [OrderToStore]
      await discard(order)
      await remove('dead-letters', LAST)
      expect([await deliver(order), await deliver(order, 'copy')]).toEqual(['withheld', 'withheld'])
      expect(await deliver(again(order, 5))).toBe('withheld')
      await beginEpoch(1)
      expect(await deliver(order)).toBe('withheld')
      expect(await statusOf(order)).toBe('discarded')
      expect(await parked()).toMatchObject({ discarded: 1, dead: 0, retrying: 0 })
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({
        stored: 0,
        parked: 1,
        gaps: 0,
        balanced: true,
      })
    })

    test('parks an unreadable record as discarded when it fails again in a new epoch of the ledger', async () => {
      const order = orderAt(0)
      const record = parkedFrom(order, { orderId: null, order: null, state: 'dead', nextAttemptAt: null })
      const letter: DeadLetter = letterOf(order, { orderId: null, key: null })
      await opened.store.storeBatch(batchOf([], { parked: [record] }))
      await opened.deadLetters.keep([letter])
      await discard(order)
      await remove('dead-letters', LAST)
      await beginEpoch(1)
      await opened.store.storeBatch(batchOf([], { parked: [record] }))
      await opened.deadLetters.keep([letter])
      expect(await parked()).toMatchObject({ discarded: 1, dead: 0 })
      expect(await shown()).toEqual([])
    })

    test('recognises the record of an edited letter, and that of a letter whose redrive died again', async () => {
      const [edited, failed] = (await dead(2)) as [OrderToStore, OrderToStore]
      await opened.redriveTasks.recordEdit(letterIdOf(edited), Buffer.from('{"edited":1}'), actAt(1))
      const edit = { ...edited, origin: place(5), bodyHash: bodyHash('edited'), supersedes: letterIdOf(edited) }
      expect(await deliver(edit)).toBe('stored')
      const second = again(failed, 6)
      const third = { ...failed, origin: place(7), redriveOf: letterIdOf(second) }
      await opened.deadLetters.keep([letterOf(second, { redriveOf: letterIdOf(failed) })])
      expect(await remove('dead-letters', LAST)).toBe(2)
      // The edit has a different body under the same id, which does not count as reuse of the id.
      expect([await deliver(edited), await deliver(edited, 'copy')]).toEqual(['duplicate', 'duplicate'])
      await beginEpoch(8)
      expect(await deliver(edited)).toBe('duplicate')
      expect(await deliver(again(edited, 8))).toBe('duplicate')
      expect(await deliver(failed)).toBe('withheld')
      expect(await statusOf(failed)).toBe('dead-lettered')
      expect(await deliver(third)).toBe('stored')
      expect(await opened.views.get(edited.orderId)).toMatchObject({ recovered: true })
    })

    test('still does not let the letter of another consumer affect our order', async () => {
      const order = orderAt(0)
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order)] }))
      await opened.deadLetters.keep([foreignLetterOf(order, 3)])
      await opened.redriveTasks.discard('orders-dlt:0:3', actAt(1))
      expect(await remove('dead-letters', LAST)).toBe(1)
      expect(await deliver({ ...order, origin: place(1), redriveOf: 'orders-dlt:0:3' })).toBe('stored')
    })

    test('withholds a discarded change that is delivered again', async () => {
      const order = orderAt(0)
      await deliver(order)
      const change = changeAt(1, order, { kind: 'cancel' })
      const died = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
      await opened.store.storeBatch(batchOf([], { parked: [parkedChange(change, died)] }))
      await opened.deadLetters.keep([changeLetterOf(change)])
      await discard(change)
      expect(await remove('dead-letters', LAST)).toBe(1)
      for (const delivered of ['origin', 'copy'] as const) {
        const { changes } = await opened.store.storeBatch(batchOf([], { delivered, changes: [change] }))
        expect(changes).toEqual([{ kind: 'withheld' }])
      }
      await opened.deadLetters.keep([changeLetterOf(change)])
      expect(await shown()).toEqual([])
      expect(await statusOf(order)).toBe('stored')
      const [row] = (await opened.views.changes(order.orderId, { limit: 9 })).items
      expect(row).toMatchObject({ status: 'discarded' })
    })

    test('a rebuild stores no record whose letter was removed, with and without the old ledger', async () => {
      const [discarded, redriven] = (await dead(2)) as [OrderToStore, OrderToStore]
      await discard(discarded)
      await deliver(again(redriven, 2))
      expect(await remove('dead-letters', LAST)).toBe(2)
      const step = stepOfRebuild()
      for (const ledger of ['old', 'new']) {
        if (ledger === 'new') {
          await beginEpoch(3)
          for (const order of [discarded, redriven, again(redriven, 2)]) await deliver(order)
        }
        await opened.maintenance.beginRebuild(step, actAt(9))
        const records = [discarded, redriven, again(redriven, 2)]
        expect(await opened.maintenance.projectOrders(step, GROUP, records)).toEqual([
          'not-stored',
          'elsewhere',
          'projected',
        ])
        await opened.maintenance.swapOrders(step)
        expect((await opened.views.list({ limit: 9 })).items.map(({ orderId }) => orderId)).toEqual([redriven.orderId])
        expect(await statusOf(discarded)).toBe('discarded')
      }
    })

    test('the order of a removed letter can be archived, and restored', async () => {
      const [order] = (await dead(1)) as [OrderToStore]
      await deliver(orderAt(5))
      await discard(order)
      await remove('dead-letters', LAST)
      const settled = await allPages((page) => opened.archive.exportOrders({ before: LAST, limit: 9, ...page }))
      const exported = settled.filter(({ orderId }) => orderId === order.orderId)
      expect(await opened.archive.archiveOrders(exported, 'a-file', actAt(9))).toMatchObject({ archived: 1 })
      expect(await deliver(order)).toBe('withheld')
      await opened.deadLetters.keep([letterOf(order)])
      expect(await shown()).toEqual([])
      const documents = exported.map(({ order: document }) => document)
      expect(await opened.archive.restoreOrders(documents, 'a-file', actAt(9))).toMatchObject({ restored: 1 })
      expect(await statusOf(order)).toBe('discarded')
    })

    test.skipIf(!forgets)('a removed letter keeps nothing of the customer', async () => {
      const [order] = (await dead(1)) as [OrderToStore]
      const { customerId } = newOrderOf(order.json)
      await discard(order)
      expect((await opened.forgetting.held(customerId)).deadLetters).toBe(1)
      await remove('dead-letters', LAST)
      expect((await opened.forgetting.held(customerId)).deadLetters).toBe(0)
      expect(await opened.forgetting.forget(customerId, actAt(9))).toMatchObject({ deadLetters: 0 })
      await opened.forgetting.forgetOrders([order.orderId])
      expect(await deliver(order)).toBe('withheld')
    })
  })
}
