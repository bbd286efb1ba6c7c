import type { Amendment, OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { ChangeToStore, OrderToStore, StoreBatch } from '../../../../shared/ports/order-store.ts'
import {
  batchOf,
  changeLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenStore,
} from '../../store-fixtures.ts'

export const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
export const amend = (amendment: Amendment, expectedVersion?: number): OrderChange => ({
  kind: 'amend',
  amendment,
  ...(expectedVersion !== undefined && { expectedVersion }),
})
export const cancel = (reason?: string): OrderChange => ({ kind: 'cancel', ...(reason !== undefined && { reason }) })
export const named = (customerName: string) => amend({ customerName })

/** The same change at `offset`, as a redrive of its letter. */
export const again = (before: ChangeToStore, offset: number): ChangeToStore => ({
  ...before,
  origin: place(offset),
  redriveOf: letterIdOf(before),
})

export const editOf = (order: OrderToStore, offset: number) =>
  orderAt(offset, {
    orderId: order.orderId,
    order: { customerName: 'Mended' },
    redriveOf: letterIdOf(order),
    supersedes: letterIdOf(order),
  })

/** Functions that store, change and park orders in the open store, and queries that show the results. */
export function changeSteps(opened: OpenStore) {
  /** Stores the batch. Returns the outcome of each change; for a rejected one, the code. */
  async function store(orders: readonly OrderToStore[], changes: Partial<StoreBatch> = {}): Promise<string[]> {
    const result = await opened.store.storeBatch(batchOf(orders, changes))
    return (result.changes ?? []).map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))
  }
  const history = async ({ orderId }: Pick<OrderToStore, 'orderId'>) => (await opened.views.history(orderId)) ?? []
  return {
    store,
    change: (...changes: readonly ChangeToStore[]) => store([], { changes }),
    copy: (...changes: readonly ChangeToStore[]) => store([], { changes, delivered: 'copy' }),
    /** Parks a change as dead and keeps its letter, as processing does. */
    kill: async (dead: ChangeToStore, told: Partial<StoreBatch> = {}): Promise<void> => {
      await store([], { ...told, parked: [parkedChange(dead, DEAD)] })
      await opened.deadLetters.keep([changeLetterOf(dead)])
    },
    killOrder: async (dead: OrderToStore): Promise<void> => {
      await store([], { parked: [parkedFrom(dead, DEAD)] })
      await opened.deadLetters.keep([letterOf(dead)])
    },
    view: ({ orderId }: Pick<OrderToStore, 'orderId'>) => opened.views.get(orderId),
    changeView: async ({ changeId }: ChangeToStore) => (await opened.views.getChanges([changeId])).get(changeId),
    /** The status of each change; for a rejected one, the code of the cause. */
    statuses: async (...changes: readonly ChangeToStore[]) => {
      const views = await opened.views.getChanges(changes.map(({ changeId }) => changeId))
      return changes.map(({ changeId }) => {
        const found = views.get(changeId)
        return found?.status === 'rejected' ? found.cause?.code : found?.status
      })
    },
    history,
    kindsOf: async (order: Pick<OrderToStore, 'orderId'>) => (await history(order)).map(({ kind }) => kind),
    line: async () => {
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      return { ...lineOf(snapshot), waiting: snapshot.waiting, states: snapshot.parked }
    },
    stateOfLetter: async (of: Pick<OrderToStore, 'origin'>) => (await opened.deadLetters.get(letterIdOf(of)))?.state,
    found: async (q: string, query = {}) =>
      (await opened.views.search({ q, limit: 50, ...query })).items.map(({ orderId }) => orderId),
    listed: async (query = {}) =>
      (await opened.views.list({ limit: 50, ...query })).items.map(({ orderId }) => orderId),
  }
}
