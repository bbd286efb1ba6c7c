import type { OrderToStore } from '../../shared/ports/order-store.ts'
import type { NewRedrive } from '../../shared/ports/redrives.ts'
import { actAt, batchOf, letterIdOf, letterOf, orderAt, parkedFrom, place, type OpenStore } from './store-fixtures.ts'

export const LEASE_MS = 1000
export const at = (second: number) => actAt(second).at

/** A redriven record as the processor sees it: the same order at a new position. */
export function again(order: OrderToStore, offset: number): OrderToStore {
  return { ...order, origin: place(offset), redriveOf: letterIdOf(order) }
}

/** The steps of a redrive in the open store, which usually contains only the task `task`. */
export function redriveSteps(opened: () => OpenStore) {
  return {
    /**
     * Creates dead-lettered orders. Their records are parked, kept as dead letters and counted, just as after
     * processing.
     */
    dead: async (count: number, firstOffset = 0): Promise<OrderToStore[]> => {
      const orders = Array.from({ length: count }, (_, index) => orderAt(firstOffset + index))
      const parked = orders.map((order) => parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null }))
      await opened().store.storeBatch(batchOf([], { parked }))
      await opened().deadLetters.keep(orders.map((order) => letterOf(order)))
      return orders
    },
    create: (letters: NewRedrive['letters'] = {}, id = 'task') =>
      opened().redriveTasks.create({ id, letters, ratePerSecond: 100 }, actAt(0, { reason: 'mended' })),
    lease: (owner = 'one', nowMs = 0) => opened().redriveTasks.lease(owner, nowMs, LEASE_MS),
    claim: async (limit: number, owner = 'one') =>
      (await opened().redriveTasks.claim('task', owner, limit)).map(({ id }) => id),
    markSent: (orders: readonly OrderToStore[], second = 1) =>
      opened().redriveTasks.markSent('task', orders.map(letterIdOf), at(second)),
    stored: (orders: readonly OrderToStore[], second = 2) =>
      opened().store.storeBatch(batchOf(orders, { now: at(second) })),
    stateOf: async (order: OrderToStore) => (await opened().deadLetters.get(letterIdOf(order)))?.state,
    kindsOf: async (order: OrderToStore) => (await opened().views.history(order.orderId))?.map(({ kind }) => kind),
  }
}
