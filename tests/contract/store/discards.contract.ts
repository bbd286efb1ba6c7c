import { describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import { at, redriveSteps } from '../redrive-fixtures.ts'
import {
  actAt,
  batchOf,
  foreignLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  openForEachTest,
  orderAt,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** What every store guarantees when letters are discarded, individually or in bulk, and when they are restored. */
export function discardsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} with discarded letters`, () => {
    const opened = openForEachTest(open)

    const { dead, stateOf, kindsOf } = redriveSteps(() => opened)

    describe('a discard', () => {
      const why = 'An order of a test.'

      test('sets letter, order and ledger to discarded, with its reason, and a restore undoes it', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        expect(await opened.redriveTasks.discard(letterId, actAt(1, { reason: why }))).toMatchObject({
          state: 'discarded',
        })
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'discarded', updatedAt: at(1) })
        expect((await opened.ledger.read(GROUP, 'orders', 0)).parked).toMatchObject({ discarded: 1, dead: 0 })

        expect(await opened.redriveTasks.restore(letterId, actAt(2))).toMatchObject({ state: 'dead' })
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'dead-lettered', updatedAt: at(2) })
        expect((await opened.ledger.read(GROUP, 'orders', 0)).parked).toMatchObject({ discarded: 0, dead: 1 })
        expect((await opened.views.history(order.orderId))?.slice(-2)).toEqual([
          { at: at(1), kind: 'discarded', reason: why },
          { at: at(2), kind: 'restored' },
        ])
      })

      test('is refused for a letter that is not dead, and a restore for one that was not discarded', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        await expect(opened.redriveTasks.restore(letterId, actAt(1))).rejects.toMatchObject({ code: 'conflict' })
        await opened.redriveTasks.discard(letterId, actAt(1))
        await expect(opened.redriveTasks.discard(letterId, actAt(1))).rejects.toMatchObject({ code: 'conflict' })
        for (const act of ['discard', 'restore'] as const) {
          await expect(opened.redriveTasks[act]('orders:0:9', actAt(1))).rejects.toMatchObject({
            code: 'dead-letter-not-found',
          })
        }
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toHaveLength(1)
      })

      test('does not change an order that is stored or has another open letter', async () => {
        const stored = orderAt(0)
        await opened.store.storeBatch(batchOf([stored], { delivered: 'copy' }))
        const [twice] = (await dead(1, 1)) as [OrderToStore]
        const [letterOfStored, second] = [
          { ...stored, origin: place(5) },
          { ...twice, origin: place(6) },
        ]
        await opened.deadLetters.keep([letterOf(letterOfStored), letterOf(second)])
        await opened.redriveTasks.discard(letterIdOf(letterOfStored), actAt(1))
        expect(await opened.views.get(stored.orderId)).toMatchObject({ status: 'stored' })
        expect(await kindsOf(stored)).toEqual(['accepted', 'stored'])
        await opened.redriveTasks.discard(letterIdOf(twice), actAt(1))
        expect(await opened.views.get(twice.orderId)).toMatchObject({ status: 'dead-lettered' })
        await opened.redriveTasks.discard(letterIdOf(second), actAt(2))
        expect(await opened.views.get(twice.orderId)).toMatchObject({ status: 'discarded' })
      })
    })

    describe('a discard of many', () => {
      test('treats each letter as a single discard does, and skips letters that are missing or not dead', async () => {
        const orders = await dead(4)
        const [one, other, third, kept] = orders as [OrderToStore, OrderToStore, OrderToStore, OrderToStore]
        const second = { ...other, origin: place(9) }
        await opened.deadLetters.keep([letterOf(second), foreignLetterOf(third, 7)])
        await opened.redriveTasks.discard(letterIdOf(third), actAt(1))
        const ids = [one, third, other].map(letterIdOf)
        const missing = ['orders:0:99', 'no place', `orders:${2 ** 40}:1`, `${'x'.repeat(300)}:0:1`]
        const act = actAt(2, { reason: 'A load test.' })
        expect(await opened.redriveTasks.discardMany([...missing, ...ids, 'orders-dlt:0:7'], act)).toBe(3)

        const states = await Promise.all(orders.map(stateOf))
        expect(states).toEqual(['discarded', 'discarded', 'discarded', 'dead'])
        const views = await opened.views.getMany(orders.map(({ orderId }) => orderId))
        const statuses = orders.map(({ orderId }) => views.get(orderId)?.status)
        // The second order has another letter, whose state is still `dead`.
        expect(statuses).toEqual(['discarded', 'dead-lettered', 'discarded', 'dead-lettered'])
        expect((await opened.views.history(one.orderId))?.at(-1)).toEqual({
          at: at(2),
          kind: 'discarded',
          reason: 'A load test.',
        })
        expect(await kindsOf(kept)).toEqual(['accepted', 'dead-lettered'])
        const { items } = await opened.redriveTasks.audit({ limit: 9 })
        expect(items.map(({ action, target, at: when }) => [action, target, when])).toEqual([
          ['discard', 'orders-dlt:0:7', at(2)],
          ['discard', letterIdOf(other), at(2)],
          ['discard', letterIdOf(one), at(2)],
          ['discard', letterIdOf(third), at(1)],
        ])
        const ledger = await opened.ledger.read(GROUP, 'orders', 9)
        expect(ledger.parked).toMatchObject({ discarded: 3, dead: 1 })
        expect(lineOf(ledger)).toMatchObject({ parked: 4, balanced: true })
      })

      test('handles more letters than one step holds, and skips those already discarded', async () => {
        const ids = (await dead(450)).map(letterIdOf)
        const [one, other] = await Promise.all([
          opened.redriveTasks.discardMany(ids, actAt(1)),
          opened.redriveTasks.discardMany(ids.toReversed(), actAt(1)),
        ])
        expect(one + other).toBe(450)
        expect((await opened.ledger.read(GROUP, 'orders', 0)).parked).toMatchObject({ discarded: 450, dead: 0 })
        expect(await opened.deadLetters.count({ state: 'dead' })).toBe(0)
      })
    })
  })
}
