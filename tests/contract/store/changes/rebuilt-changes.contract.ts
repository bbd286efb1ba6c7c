import { describe, expect, test } from 'vitest'
import { NO_PROGRESS } from '../../../../shared/ports/maintenance.ts'
import type { RecordPosition } from '../../../../shared/ports/event-log.ts'
import {
  actAt,
  changeAt,
  GROUP,
  NOW,
  type OpenEmptyStore,
  openForEachTest,
  orderAt,
  place,
  type TestOrder,
  withContent,
} from '../../store-fixtures.ts'
import { amend, cancel, changeSteps, named } from './change-steps.ts'

/** What every store guarantees when orders with changes are rebuilt. */
export function rebuiltChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, view, statuses, history, found, listed, kill } = changeSteps(opened)

    describe('and a rebuild', () => {
      const act = actAt(0)
      const step = (owner = 'one', logStarts: readonly RecordPosition[] = []) => ({
        owner,
        at: new Date().toISOString(),
        leaseMs: 60_000,
        logStarts,
        progress: NO_PROGRESS,
      })
      const everything = async () => (await opened.views.list({ limit: 50 })).items

      test('leaves amended and cancelled orders, and rejected and waiting changes, as they were', async () => {
        const orders = [0, 1, 2, 3].map((offset) => orderAt(offset))
        const [amended, cancelled, plain, gone] = orders as [TestOrder, TestOrder, TestOrder, TestOrder]
        const changes = [
          changeAt(4, amended, named('Zyzzyva')),
          changeAt(5, cancelled, amend({ orderItems: [{ ...plain.order.orderItems[0]!, brand: 'Quux' }] })),
          changeAt(6, cancelled, cancel('enough')),
          changeAt(7, cancelled, named('Nobody')),
          changeAt(8, gone, named('Kept')),
        ]
        await store(orders, { changes })
        const [dead, waiting] = [changeAt(9, plain, named('A')), changeAt(10, plain, named('B'))]
        await kill(dead, { changes: [waiting] })
        const before = [await everything(), await statuses(...changes, dead, waiting), await history(cancelled)]
        await opened.maintenance.beginRebuild(step(), act)
        // The records of the last order and of the first change are no longer in the log.
        const events = [...orders.slice(0, 3), ...changes.slice(1), waiting]
        const outcomes = await opened.maintenance.projectOrders(step(), GROUP, events)
        expect(outcomes).toEqual(events.map(() => 'projected'))
        const logStarts = [{ topic: 'orders', partition: 0, offset: 5 }]
        expect(await opened.maintenance.swapOrders(step('one', logStarts))).toMatchObject({ kept: 1, expired: 1 })
        expect([await everything(), await statuses(...changes, dead, waiting), await history(cancelled)]).toEqual(
          before,
        )
        expect([await found('zyzzyva'), await found('quux'), await found('kept')]).toEqual(
          [amended, cancelled, gone].map(({ orderId }) => [orderId]),
        )
        expect(await found('alex', { customersOnly: true })).toEqual([plain.orderId, cancelled.orderId])
        expect(await listed({ status: 'cancelled', q: 'quux' })).toEqual([cancelled.orderId])
        expect(await listed({ status: 'stored', q: 'example' })).toEqual(
          [gone, plain, amended].map(({ orderId }) => orderId),
        )
        // Changes are applied to the new tables as before.
        expect(await change(changeAt(11, amended, cancel()))).toEqual(['applied'])
        expect(await listed({ status: 'cancelled' })).toEqual([cancelled.orderId, amended.orderId])
      })

      test('reads the order with today’s code, and folds its changes into that', async () => {
        const order = orderAt(0)
        await store([order], { changes: [changeAt(1, order, named('Amended'))] })
        await opened.maintenance.beginRebuild(step(), act)
        const upcast = withContent(order, { customerName: 'Old', customerLastName: 'Upcast' })
        expect(await opened.maintenance.projectOrders(step(), GROUP, [upcast])).toEqual(['projected'])
        await opened.maintenance.swapOrders(step())
        expect(await view(order)).toMatchObject({ customerName: 'Amended', customerLastName: 'Upcast', version: 2 })
        expect(await found('amended upcast')).toEqual([order.orderId])
        expect(await found('old')).toEqual([])
      })

      test('keeps changes that are applied while it runs, at whatever point', async () => {
        const orders = [0, 1, 2, 3].map((offset) => orderAt(offset))
        const at = async (index: number, name: string) => {
          await change(changeAt(10 + index, orders[index]!, named(name)))
        }
        await store(orders)
        await opened.maintenance.beginRebuild(step(), act)
        await at(0, 'Before')
        await opened.maintenance.projectOrders(step(), GROUP, orders)
        await at(1, 'Projected')
        await opened.maintenance.completeOrders(step(), 50)
        await at(2, 'Completed')
        await change(changeAt(20, orders[2]!, cancel()))
        await at(3, 'Completed too')
        const before = await everything()
        await opened.maintenance.swapOrders(step())
        expect(await everything()).toEqual(before)
        expect(await found('before')).toEqual([orders[0]!.orderId])
        expect(await found('projected')).toEqual([orders[1]!.orderId])
        expect(await found('completed')).toEqual([orders[3]!.orderId, orders[2]!.orderId])
        expect(await found('alex', { customersOnly: true })).toEqual([])
        expect(await listed({ status: 'cancelled', q: 'completed' })).toEqual([orders[2]!.orderId])
      })

      test('says which changes the store has lost, though its ledger says that they are stored', async () => {
        const order = orderAt(0)
        const [known, dead, lost] = [1, 2, 3].map((offset) => changeAt(offset, order, named(`N${offset}`)))
        await store([order], { changes: [known!] })
        await kill(dead!)
        // Another record is stored at the position of `lost`, so that position is counted, but the change is unknown.
        await store([orderAt(3)])
        await opened.maintenance.beginRebuild(step(), act)
        const events = [known!, { ...known!, origin: place(9) }, dead!, lost!, changeAt(50, order, cancel())]
        expect(await opened.maintenance.projectOrders(step(), GROUP, events)).toEqual([
          'projected',
          'elsewhere',
          'not-stored',
          'lost',
          'not-stored',
        ])
        await opened.maintenance.abandonRebuild('one', 'A test.', NOW)
      })
    })
  })
}
