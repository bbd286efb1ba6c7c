import { beforeEach, describe, expect, test } from 'vitest'
import { NO_PROGRESS, type RebuildStep } from '../../../../shared/ports/maintenance.ts'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import { actAt, GROUP, NOW, orderAt, openForEachTest, type OpenEmptyStore } from '../../store-fixtures.ts'
import { archiveSteps, idsOf, lastOrder } from './archive-steps.ts'

const step = (at = new Date().toISOString()): RebuildStep => ({
  owner: 'one',
  at,
  leaseMs: 60_000,
  logStarts: [],
  progress: NO_PROGRESS,
})
/** A time by which the lease of the last archiving step has expired. */
const MUCH_LATER = '2099-01-01T00:00:00.000Z'

/** What every store guarantees when orders are archived and the store is rebuilt. */
export function archiveAndRebuildContract(name: string, open: OpenEmptyStore): void {
  describe(`${name}, archiving during a rebuild`, () => {
    const opened = openForEachTest(open)
    const { store, exported, archive, archiveAll, restore, listed, storeRich } = archiveSteps(opened)
    let last: OrderToStore
    beforeEach(() => {
      last = lastOrder()
    })
    const storeLast = () => store([last])

    test('an archive and a rebuild exclude each other', async () => {
      await store([orderAt(0)])
      await storeLast()
      const orders = await exported()
      await opened.maintenance.beginRebuild(step(), actAt(0))
      await expect(archive(orders)).rejects.toMatchObject({ code: 'conflict' })
      await expect(restore(orders)).rejects.toMatchObject({ code: 'conflict' })
      await opened.maintenance.abandonRebuild('one', 'A test.', NOW)
      await archive(orders)
      await expect(opened.maintenance.beginRebuild(step(), actAt(0))).rejects.toMatchObject({ code: 'conflict' })
      await opened.maintenance.beginRebuild(step(MUCH_LATER), actAt(0))
    })

    test('archiving makes an abandoned rebuild lose its work, because its process may just be slow', async () => {
      await store([orderAt(0)])
      await storeLast()
      const long = new Date(Date.now() - 120_000).toISOString()
      await opened.maintenance.beginRebuild(step(long), actAt(0))
      await archiveAll()
      await expect(opened.maintenance.swapOrders(step())).rejects.toMatchObject({ code: 'conflict' })
      expect(await listed()).toEqual([last.orderId])
    })

    test('leaves archived orders archived, and knows restored ones', async () => {
      const { order, changes } = await storeRich()
      const other = orderAt(4)
      await store([other])
      await storeLast()
      const orders = await archiveAll()
      await restore(orders.filter(({ orderId }) => orderId === other.orderId))
      await opened.maintenance.beginRebuild(step(MUCH_LATER), actAt(0))
      const outcomes = await opened.maintenance.projectOrders(step(), GROUP, [order, ...changes, other, last])
      expect(outcomes).toEqual(['archived', 'archived', 'archived', 'archived', 'projected', 'projected'])
      await opened.maintenance.swapOrders(step())
      expect(await listed()).toEqual([last.orderId, other.orderId])
      expect(await opened.views.archivedAt(order.orderId)).toBeDefined()
      await restore(orders)
      expect(await listed()).toEqual([last.orderId, other.orderId, order.orderId])
      const old = idsOf((await opened.views.list({ limit: 9, to: NOW })).items)
      expect(old).toEqual([other.orderId, order.orderId])
    })
  })
}
