import { describe, expect, test } from 'vitest'
import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { ChangeToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  batchOf,
  changeAt,
  changeLetterOf,
  GROUP,
  keyHash,
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

const named = (customerName: string): OrderChange => ({ kind: 'amend', amendment: { customerName } })
/** Deciding this change throws. */
const throwing = { kind: 'amend', amendment: { orderItems: 5 } } as unknown as OrderChange
const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
const WHY = { reason: 'Its order was deleted.' }

/** What every store guarantees when an operator discards waiting changes. */
export function discardedChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes that an operator discards`, () => {
    const opened = openForEachTest(open)
    const discard = ({ changeId }: ChangeToStore) => opened.redriveTasks.discardChange(changeId, actAt(1, WHY))
    const statuses = async (...changes: readonly ChangeToStore[]) => {
      const views = await opened.views.getChanges(changes.map(({ changeId }) => changeId))
      return changes.map(({ changeId }) => views.get(changeId)?.status)
    }

    test('a change without an order is discarded, which its history and the audit log show, and the next one keeps waiting', async () => {
      const order = orderAt(0)
      const [first, second] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
      await opened.store.storeBatch(batchOf([], { changes: [first, second] }))
      await discard(first)
      expect(await statuses(first, second)).toEqual(['discarded', 'waiting'])
      expect((await opened.views.history(order.orderId))?.at(-1)).toMatchObject({
        kind: 'discarded',
        changeId: first.changeId,
        reason: WHY.reason,
      })
      const { items } = await opened.redriveTasks.audit({ limit: 9 })
      expect(items).toMatchObject([{ action: 'discard-change', target: first.changeId, operator: 'Kim', ...WHY }])
      const ledger = await opened.ledger.read(GROUP, 'orders', 9)
      expect(ledger.waiting).toBe(1)
      expect(lineOf(ledger)).toMatchObject({ balanced: true })
    })

    test('it stays discarded when its record is delivered again, and when its order comes after all', async () => {
      const order = orderAt(3)
      const [first, second] = [
        changeAt(1, order, named('A'), { idempotencyKeyHash: keyHash('k') }),
        changeAt(2, order, named('B')),
      ]
      await opened.store.storeBatch(batchOf([], { changes: [first, second] }))
      await discard(first)
      const again = await opened.store.storeBatch(batchOf([order], { changes: [first] }))
      expect(again.changes).toEqual([{ kind: 'withheld' }])
      expect(await statuses(first, second)).toEqual(['discarded', 'applied'])
      expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'B' })
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({ balanced: true })
    })

    test('what waits only for the discarded change takes its turn', async () => {
      const order = orderAt(0)
      const [bad, second] = [changeAt(1, order, throwing), changeAt(2, order, named('B'))]
      expect(await opened.store.storeBatch(batchOf([order], { changes: [bad, second] }))).toHaveProperty('undecided')
      await discard(bad)
      expect(await statuses(bad, second)).toEqual(['discarded', 'applied'])
    })

    test('it stays discarded if the next change cannot be decided, and the next one is returned', async () => {
      const order = orderAt(0)
      const [bad, next] = [changeAt(1, order, throwing), changeAt(2, order, throwing)]
      await opened.store.storeBatch(batchOf([order], { changes: [bad, next] }))
      expect(await discard(bad)).toMatchObject([{ changeId: next.changeId, error: expect.any(TypeError) }])
      expect(await statuses(bad, next)).toEqual(['discarded', 'waiting'])
    })

    test('it is refused while an earlier change of a stored order cannot be decided', async () => {
      const order = orderAt(0)
      const [bad, second] = [changeAt(1, order, throwing), changeAt(2, order, named('B'))]
      await opened.store.storeBatch(batchOf([order], { changes: [bad, second] }))
      await expect(discard(second)).rejects.toMatchObject({ code: 'conflict' })
      expect(await statuses(bad, second)).toEqual(['waiting', 'waiting'])
    })

    test.each(['retrying', 'dead'] as const)('it is refused while its order is %s', async (state) => {
      const order = orderAt(0)
      const change = changeAt(1, order, named('A'))
      const parked = parkedFrom(order, state === 'dead' ? DEAD : {})
      await opened.store.storeBatch(batchOf([], { parked: [parked], changes: [change] }))
      if (state === 'dead') await opened.deadLetters.keep([letterOf(order)])
      await expect(discard(change)).rejects.toMatchObject({ code: 'conflict' })
      expect(await statuses(change)).toEqual(['waiting'])
      expect((await opened.redriveTasks.audit({ limit: 9 })).items).toEqual([])
    })

    test.each(['retrying', 'dead'] as const)('it is refused while an earlier change is %s', async (state) => {
      const order = orderAt(0)
      const [earlier, change] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
      const parked = parkedChange(earlier, state === 'dead' ? DEAD : {})
      await opened.store.storeBatch(batchOf([order], { parked: [parked], changes: [change] }))
      if (state === 'dead') await opened.deadLetters.keep([changeLetterOf(earlier)])
      await expect(discard(change)).rejects.toMatchObject({ code: 'conflict' })
      await expect(discard(earlier)).rejects.toMatchObject({ code: 'conflict' })
      expect(await statuses(change)).toEqual(['waiting'])
    })

    test('a change whose letters are all discarded is discarded, even if its discarded redrive failed again in between', async () => {
      const order = orderAt(0)
      const [change, next] = [changeAt(1, order, named('A')), changeAt(3, order, named('B'))]
      const redriven = { ...change, origin: place(2), redriveOf: letterIdOf(change) }
      const { redriveTasks, store, deadLetters } = opened
      const fails = async (record: ChangeToStore) => {
        await store.storeBatch(batchOf([], { parked: [parkedChange(record, DEAD)] }))
        await deadLetters.keep([changeLetterOf(record)])
      }
      await store.storeBatch(batchOf([order]))
      await fails(change)
      await redriveTasks.discard(letterIdOf(change), actAt(1, WHY))
      // The record had been sent before its letter was discarded.
      await fails(redriven)
      await redriveTasks.discard(letterIdOf(redriven), actAt(2, WHY))
      await redriveTasks.restore(letterIdOf(change), actAt(3, WHY))
      await fails(redriven)
      await store.storeBatch(batchOf([], { changes: [next] }))
      expect(await statuses(change, next)).toEqual(['dead-lettered', 'waiting'])

      await redriveTasks.discard(letterIdOf(change), actAt(4, WHY))
      expect(await statuses(change, next)).toEqual(['discarded', 'rejected'])
      await redriveTasks.restore(letterIdOf(change), actAt(5, WHY))
      expect(await statuses(change)).toEqual(['dead-lettered'])
    })

    test('a decided change, an early one and an unknown one are refused', async () => {
      const order = orderAt(0)
      const [applied, early] = [changeAt(1, order, named('A')), changeAt(5, orderAt(4), named('B'))]
      await opened.store.storeBatch(batchOf([order], { changes: [applied] }))
      await opened.store.storeBatch(batchOf([], { changes: [early], delivered: 'copy' }))
      for (const change of [applied, early, changeAt(9, order, named('C'))]) {
        await expect(discard(change)).rejects.toMatchObject({ code: 'conflict' })
      }
      expect(await statuses(applied, early)).toEqual(['applied', 'waiting'])
    })
  })
}
