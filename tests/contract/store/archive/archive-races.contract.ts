import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findOrArchived } from '../../../../shared/application/orders/archived-orders.ts'
import { actAt, batchOf, GROUP, letterIdOf, letterOf, orderAt, parkedFrom, place } from '../../store-fixtures.ts'
import { meet, type SharedStore } from '../shared-store.ts'
import { archiveSteps, FILE, lastOrder } from './archive-steps.ts'

const HOLD_PARKED = 'UPDATE parked_records SET attempt = attempt'
const HOLD_ITEMS = 'UPDATE order_items SET line = line'
const ROUNDS = 5

/** Archiving and restoring leave every store consistent, even while another process is using that store. */
export function archiveRacesContract(name: string, open: () => Promise<SharedStore>): void {
  describe(`${name} shared by two processes, one of which archives orders`, () => {
    let shared: SharedStore
    beforeEach(async () => {
      shared = await open()
      await shared.one.ledger.begin(GROUP, 'orders', new Map([0, 1].map((partition) => [partition, 0])), null)
    })
    afterEach(() => shared[Symbol.asyncDispose]())

    /** Stores an order in partition 1, so that a record in partition 0 does not wait while the order is archived. */
    async function storeOrder() {
      const order = orderAt(0, { origin: place(0, 1) })
      await shared.one.store.storeBatch(batchOf([order]))
      return order
    }
    async function exportAll() {
      await shared.one.store.storeBatch(batchOf([{ ...lastOrder(), origin: place(1, 1) }]))
      return (await archiveSteps(shared.one).exported()).map(({ orderId, hash }) => ({ orderId, hash }))
    }

    test('the letter of an order is restored, or the order is archived, but never both', async () => {
      const order = await storeOrder()
      const copy = { ...order, origin: place(0) }
      await shared.one.store.storeBatch(
        batchOf([], { parked: [parkedFrom(copy, { state: 'dead', nextAttemptAt: null })] }),
      )
      await shared.one.deadLetters.keep([letterOf(copy)])
      await shared.one.redriveTasks.discard(letterIdOf(copy), actAt(1))
      const orders = await exportAll()
      expect(orders).toHaveLength(1)
      await meet(
        shared,
        HOLD_PARKED,
        () => shared.one.redriveTasks.restore(letterIdOf(copy), actAt(2)),
        () => shared.other.archive.archiveOrders(orders, FILE, actAt(3)),
      )
      const isArchived = (await shared.one.views.archivedAt(order.orderId)) !== undefined
      const letter = await shared.one.deadLetters.get(letterIdOf(copy))
      expect(letter?.state).toBe(isArchived ? 'discarded' : 'dead')
    })

    test('a late copy of an order that is being archived is not stored again', async () => {
      const order = await storeOrder()
      const orders = await exportAll()
      const [, stored] = await meet(
        shared,
        HOLD_ITEMS,
        () => shared.one.archive.archiveOrders(orders, FILE, actAt(3)),
        () => shared.other.store.storeBatch(batchOf([{ ...order, origin: place(0) }])),
      )
      expect(stored).toMatchObject({ status: 'fulfilled', value: { outcomes: [{ kind: 'duplicate' }] } })
      expect(await shared.one.views.get(order.orderId)).toBeUndefined()
      expect(await shared.one.views.archivedAt(order.orderId)).toBe(actAt(3).at)
    })

    test('a reader always finds the order or its tombstone', async () => {
      const { orderId } = await storeOrder()
      await shared.one.store.storeBatch(batchOf([{ ...lastOrder(), origin: place(1, 1) }]))
      const steps = archiveSteps(shared.one)
      const over = new AbortController()
      const found = (async () => {
        const seen = new Set<string>()
        while (!over.signal.aborted) {
          const { archivedAt, ...order } = await findOrArchived(orderId, shared.other.views, () =>
            shared.other.views.get(orderId),
          )
          seen.add(order.found?.status ?? (archivedAt === undefined ? 'neither' : 'archived'))
        }
        return seen
      })()
      for (let round = 0; round < ROUNDS; round += 1) await steps.restore(await steps.archiveAll())
      over.abort()
      expect([...(await found)]).not.toContain('neither')
    })
  })
}
