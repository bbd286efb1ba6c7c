import { describe, expect, test } from 'vitest'
import { NO_PROGRESS } from '../../../shared/ports/maintenance.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import { again, redriveSteps } from '../redrive-fixtures.ts'
import {
  actAt,
  batchOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** Every store keeps operators' decisions about dead letters through any redelivery. */
export function decisionsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} with decisions about letters`, () => {
    const opened = openForEachTest(open)

    const { dead, stored, stateOf, kindsOf } = redriveSteps(() => opened)

    describe('a decision survives redeliveries', () => {
      /** The record of the edited order, with the headers of an edit. */
      const editOf = (order: OrderToStore, offset: number): OrderToStore => {
        const letterId = letterIdOf(order)
        return orderAt(offset, {
          orderId: order.orderId,
          order: { customerName: 'Mended' },
          redriveOf: letterId,
          supersedes: letterId,
        })
      }
      const sendEdit = async (order: OrderToStore) => {
        await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from('mended'), actAt(1))
        await opened.redriveTasks.markEdited(letterIdOf(order), actAt(1))
      }
      const outcomesOf = async (orders: readonly OrderToStore[]) => {
        return (await stored(orders, 3600)).outcomes.map(({ kind }) => kind)
      }
      const statusOf = async (order: OrderToStore) => (await opened.views.get(order.orderId))?.status
      const forgetLedger = (next: number) =>
        opened.maintenance.resetLedger(
          GROUP,
          { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next }] },
          actAt(10),
        )
      const ledger = async () => {
        const snapshot = await opened.ledger.read(GROUP, 'orders', 9)
        return { ...lineOf(snapshot), states: snapshot.parked }
      }

      test('a discarded order stays discarded, even if placed again, until its letter is restored', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([order, { ...order, origin: place(1) }])).toEqual(['withheld', 'withheld'])
        const copy = await opened.store.storeBatch(batchOf([order], { delivered: 'copy' }))
        expect(copy.outcomes).toEqual([{ kind: 'withheld' }])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['discarded', 'discarded'])
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        expect(await ledger()).toMatchObject({ next: 2, parked: 2, balanced: true, states: { discarded: 2 } })

        await opened.redriveTasks.restore(letterIdOf(order), actAt(2))
        expect(await outcomesOf([order])).toEqual(['stored'])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['stored', 'resolved'])
        expect(await ledger()).toMatchObject({ balanced: true, states: { stored: 1, discarded: 1 } })
      })

      test('a discarded record is parked even after a ledger reset, readable or not', async () => {
        const [readable, poison] = (await dead(2)) as [OrderToStore, OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(readable), actAt(1))
        await opened.redriveTasks.discard(letterIdOf(poison), actAt(1))
        await forgetLedger(2)
        const parked = [parkedFrom(poison, { state: 'dead', attempt: 1, nextAttemptAt: null })]
        const { outcomes, counted } = await opened.store.storeBatch(batchOf([readable], { parked }))
        expect([outcomes, counted]).toEqual([[{ kind: 'withheld' }], true])
        expect(await ledger()).toMatchObject({ parked: 2, gaps: 0, balanced: true, states: { discarded: 2, dead: 0 } })
        for (const order of [readable, poison]) {
          expect([await statusOf(order), await stateOf(order)]).toEqual(['discarded', 'discarded'])
          expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        }
      })

      test('a discarded letter stays discarded while another letter of its order is open, and the order can be stored afterwards', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const other = { ...order, origin: place(1) }
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(other, { state: 'dead' })] }))
        await opened.deadLetters.keep([letterOf(other)])
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect(await outcomesOf([other])).toEqual(['stored'])
        expect(await outcomesOf([order])).toEqual(['duplicate'])
        expect([await stateOf(order), await stateOf(other)]).toEqual(['discarded', 'resolved'])
        expect(await ledger()).toMatchObject({ balanced: true, states: { discarded: 1, stored: 1 } })
      })

      test('a discarded letter is not stored by its own redrive in flight; a redrive of another letter is stored', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([again(order, 1)])).toEqual(['withheld'])
        // A second record of the same order was dead-lettered separately, and an operator redrives its letter.
        const copy = { ...order, origin: place(2) }
        await opened.deadLetters.keep([letterOf(copy)])
        expect(await statusOf(order)).toBe('discarded')
        expect(await outcomesOf([{ ...again(order, 3), redriveOf: letterIdOf(copy) }])).toEqual(['stored'])
        expect([await stateOf(order), await stateOf(copy)]).toEqual(['discarded', 'resolved'])
      })

      test('a letter whose redrive died again and was discarded stays superseded when it is sent again', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const copy = again(order, 1)
        await opened.deadLetters.keep([letterOf(copy, { redriveOf: letterIdOf(order) })])
        await opened.redriveTasks.discard(letterIdOf(copy), actAt(1))
        expect(await outcomesOf([again(order, 2)])).toEqual(['withheld'])
        expect([await stateOf(order), await stateOf(copy)]).toEqual(['superseded', 'discarded'])
      })

      test('a later failure of a discarded order changes neither its status nor its history', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        const copy = { ...order, origin: place(1) }
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(copy)] }))
        expect(await statusOf(order)).toBe('discarded')
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        // Then the copy is delivered from the retry topic.
        const { outcomes } = await opened.store.storeBatch(batchOf([copy], { delivered: 'copy' }))
        expect(outcomes).toEqual([{ kind: 'withheld' }])
        expect(await ledger()).toMatchObject({ balanced: true, states: { discarded: 2, retrying: 0 } })
      })

      test('an edit in flight is not overtaken by the record that it repairs', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect(await outcomesOf([editOf(order, 1)])).toEqual(['stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ balanced: true, states: { redriven: 1 } })
      })

      test('an edit that died again replaces the record that it repairs', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        const edit = editOf(order, 1)
        await opened.store.storeBatch(
          batchOf([], { parked: [parkedFrom(edit, { state: 'dead', redriveOf: letterIdOf(order) })] }),
        )
        await opened.deadLetters.keep([letterOf(edit, { redriveOf: letterIdOf(order) })])
        expect(await stateOf(order)).toBe('superseded')
        expect(await outcomesOf([order])).toEqual(['withheld'])
        await forgetLedger(2)
        expect(await outcomesOf([order, edit])).toEqual(['withheld', 'stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ gaps: 0, balanced: true, states: { redriven: 1, dead: 0 } })
      })

      test('an edit that was stored survives a ledger reset', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        const edit = editOf(order, 1)
        expect(await outcomesOf([edit])).toEqual(['stored'])
        await forgetLedger(2)
        expect(await outcomesOf([order, edit])).toEqual(['duplicate', 'stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ stored: 1, duplicate: 1, balanced: true })
      })

      test('a letter that was edited and not sent is still dead, and its order is not stored unedited', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from('mended'), actAt(1))
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['dead-lettered', 'dead'])
      })

      test('a letter without a decision is resolved by its own record', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        expect(await outcomesOf([order])).toEqual(['stored'])
        expect(await stateOf(order)).toBe('resolved')
      })

      test('a rebuild does not bring a discarded order back', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        await forgetLedger(1)
        await outcomesOf([order])
        const progress = { ...NO_PROGRESS, recordsInAll: 1 }
        const step = { owner: 'a', at: actAt(20).at, leaseMs: 10_000, logStarts: [], progress }
        await opened.maintenance.beginRebuild(step, actAt(20))
        expect(await opened.maintenance.projectOrders(step, GROUP, [order])).toEqual(['not-stored'])
      })
    })
  })
}
