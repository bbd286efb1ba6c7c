import { expect } from 'vitest'
import { archivedOrderSchema, type ArchivedOrder } from '../../../../shared/domain/archived-order.ts'
import type { ArchivingAct, ExportedOrder } from '../../../../shared/ports/archive.ts'
import type { ChangeToStore, OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  allPages,
  batchOf,
  changeAt,
  keyHash,
  LATER,
  orderAt,
  parkedFrom,
  place,
  type OpenStore,
} from '../../store-fixtures.ts'

export const FILE = 'orders-20260515T093000Z-0001.ndjson.gz'
export const AMEND = { kind: 'amend', amendment: { customerName: 'Renamed' } } as const
export const CANCEL = { kind: 'cancel', reason: 'Not wanted.' } as const

export const idsOf = (orders: readonly { readonly orderId: string }[]) => orders.map(({ orderId }) => orderId)

/** The documents as they are read from a file. */
export const written = (orders: readonly ExportedOrder[]): ArchivedOrder[] =>
  orders.map(({ order }) => archivedOrderSchema.parse(JSON.parse(JSON.stringify(order))))

/**
 * An order for a test to store after all the others. SQLite never archives the last order, but every store can archive
 * all orders before it.
 */
export const lastOrder = () =>
  orderAt(0, { origin: place(0, 1), acceptedAt: '2027-01-01T00:00:00.000Z', order: { customerName: 'Last' } })

/** The steps that tests of the archive take on the open store. */
export function archiveSteps(opened: OpenStore) {
  const store = (orders: readonly OrderToStore[], changes: Parameters<typeof batchOf>[1] = {}) =>
    opened.store.storeBatch(batchOf(orders, changes))
  const exported = (before = LATER) => allPages((page) => opened.archive.exportOrders({ before, limit: 2, ...page }))
  const archive = (orders: readonly ExportedOrder[], act: ArchivingAct = actAt(0)) =>
    opened.archive.archiveOrders(
      orders.map(({ orderId, hash }) => ({ orderId, hash })),
      FILE,
      act,
    )
  return {
    store,
    exported,
    archive,
    archiveAll: async () => {
      const orders = await exported()
      expect(await archive(orders)).toMatchObject({ archived: orders.length, changed: [] })
      return orders
    },
    restore: (orders: readonly ExportedOrder[], act: ArchivingAct = actAt(9)) =>
      opened.archive.restoreOrders(written(orders), FILE, act),
    listed: async () => idsOf(await allPages((page) => opened.views.list({ limit: 3, ...page }))),
    found: async (q: string) => idsOf(await allPages((page) => opened.views.search({ q, limit: 3, ...page }))),
    /** Stores an order with everything that an order can have. Returns the order and its changes. */
    storeRich: async (): Promise<{ order: OrderToStore; changes: ChangeToStore[] }> => {
      const order = orderAt(0, {
        idempotencyKeyHash: keyHash('k1'),
        order: { reference: 'WEB-1', metadata: { channel: 'web', '7': 'seven' } },
      })
      await store([], { parked: [parkedFrom(order)] })
      await store([order], { delivered: 'copy', now: LATER })
      const amendment = changeAt(1, order, AMEND, { idempotencyKeyHash: keyHash('c1') })
      const tooLate = changeAt(2, order, { ...AMEND, expectedVersion: 1 })
      const cancellation = changeAt(3, order, CANCEL)
      const changes = [amendment, tooLate, cancellation]
      await store([], { changes, now: LATER })
      return { order, changes }
    },
  }
}
