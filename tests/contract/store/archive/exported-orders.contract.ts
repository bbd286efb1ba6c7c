import { beforeEach, describe, expect, test } from 'vitest'
import { bodyHash, newOrderOf } from '../../../../shared/domain/order-events.ts'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  changeAt,
  changeLetterOf,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  openForEachTest,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { AMEND, archiveSteps, CANCEL, idsOf, lastOrder, written } from './archive-steps.ts'

/** What every adapter for `Archive` guarantees about the orders that it exports. */
export function exportedOrdersContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, exporting orders`, () => {
    const opened = openForEachTest(open)
    const { store, exported, storeRich } = archiveSteps(opened)
    let last: OrderToStore
    beforeEach(() => {
      last = lastOrder()
    })
    const storeLast = () => store([last])

    test('includes orders accepted before the time, in the order in which they were stored, in pages', async () => {
      const old = Array.from({ length: 5 }, (_, offset) => orderAt(offset))
      const young = orderAt(5, { acceptedAt: LATER })
      await store([...old, young])
      await storeLast()
      expect(idsOf(await exported())).toEqual(idsOf(old))
      expect(idsOf(await exported(NOW))).toEqual(idsOf(old))
      expect(await exported('2025-12-31T00:00:00.000Z')).toEqual([])
    })

    test('includes the whole order, with its changes and history, as a document that every version can validate', async () => {
      const { order, changes } = await storeRich()
      await storeLast()
      const [one, ...others] = await exported()
      expect(others).toEqual([])
      expect(one?.hash).toBe(bodyHash(JSON.stringify(one?.order)))
      expect(written([one!])).toEqual([one?.order])
      expect(one?.order).toMatchObject({
        orderId: order.orderId,
        order: { ...newOrderOf(order.json), customerName: 'Renamed' },
        stored: {
          origin: order.origin,
          bodyHash: order.bodyHash,
          idempotencyKeyHash: order.idempotencyKeyHash,
          version: 3,
          cancelledAt: changes[2]?.acceptedAt,
          cancellationReason: 'Not wanted.',
        },
        discarded: null,
        changes: [
          { changeId: changes[0]?.changeId, state: 'applied', change: AMEND, version: 2 },
          { changeId: changes[1]?.changeId, state: 'rejected', cause: { code: 'version-conflict' } },
          { changeId: changes[2]?.changeId, state: 'applied', change: CANCEL, version: 3 },
        ],
      })
      expect(one?.order.history.map(({ kind }) => kind)).toContain('attempt-failed')
    })

    test('includes no order that waits for anything', async () => {
      const [plain, retrying, dead, letterOpen, redriven, changeWaits, changeDead] = Array.from(
        { length: 7 },
        (_, at) => orderAt(at),
      )
      const parked = [parkedFrom(retrying!), parkedFrom(dead!, { state: 'dead', nextAttemptAt: null })]
      await store([plain!, letterOpen!, redriven!, changeWaits!, changeDead!], { parked })
      await opened.deadLetters.keep([
        letterOf(letterOpen!, { origin: place(50), redriveOf: null }),
        letterOf(redriven!, { origin: place(51) }),
      ])
      const { id } = await opened.redriveTasks.create(
        { id: 'task', letters: { ids: ['orders:0:51'] }, ratePerSecond: 1 },
        actAt(1),
      )
      await opened.redriveTasks.markSent(id, ['orders:0:51'], LATER)
      await store([], { parked: [parkedChange(changeAt(7, changeWaits!, AMEND))] })
      const lost = changeAt(8, changeDead!, AMEND)
      await store([], { parked: [parkedChange(lost, { state: 'dead', nextAttemptAt: null })] })
      await opened.deadLetters.keep([changeLetterOf(lost)])
      await storeLast()
      expect(idsOf(await exported())).toEqual([plain!.orderId])
    })

    test('includes discarded orders too, at the end', async () => {
      const [given, stored] = [orderAt(0), orderAt(1)]
      await store([stored], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
      await opened.deadLetters.keep([letterOf(given)])
      await opened.redriveTasks.discard(letterIdOf(given), actAt(1, { reason: 'A test.' }))
      await storeLast()
      const orders = await exported()
      expect(idsOf(orders)).toEqual([stored.orderId, given.orderId])
      expect(orders[1]?.order).toMatchObject({ order: given.order, stored: null, discarded: { attempt: 1 } })
    })
  })
}
