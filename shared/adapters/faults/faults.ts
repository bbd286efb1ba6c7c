import { OrderError } from '../../domain/errors.ts'
import type { DeadLetters } from '../../ports/dead-letters.ts'
import type { EventLog, LogConsumer } from '../../ports/event-log.ts'
import type { OrderStore, OrderToStore } from '../../ports/order-store.ts'
import type { OrderViews } from '../../ports/order-views.ts'

/** Faults on purpose, for tests and for watching the promises hold. Only an embedded host with FAULTS=on has them. */
export interface FaultPlan {
  /** `down` fails like an outage, `busy` like contention, `hang` never answers, `slow` answers after `slowMs`. */
  readonly store: 'ok' | 'down' | 'busy' | 'hang' | 'slow'
  readonly slowMs: number
  /** `down`: the log refuses what is published. */
  readonly log: 'ok' | 'down'
  /** Orders of these customers make the storing code throw, as a fault of ours would. */
  readonly throwForCustomers: readonly number[]
}

export const NO_FAULTS: FaultPlan = { store: 'ok', slowMs: 0, log: 'ok', throwForCustomers: [] }

export interface Faults {
  readonly plan: FaultPlan
  /** Takes the place of the plan; what hangs goes on when the store does not hang any more. */
  apply(plan: FaultPlan): void
  wrapStore(store: OrderStore): OrderStore
  wrapViews(views: OrderViews): OrderViews
  wrapDeadLetters(deadLetters: DeadLetters): DeadLetters
  wrapLog(log: EventLog & LogConsumer): EventLog & LogConsumer
}

export function createFaults(): Faults {
  let plan = NO_FAULTS
  let changed = Promise.withResolvers<void>()

  async function pass(): Promise<void> {
    while (plan.store === 'hang') await changed.promise
    if (plan.store === 'slow') await new Promise((resolve) => setTimeout(resolve, plan.slowMs))
    if (plan.store === 'down') {
      throw new OrderError('store-unavailable', 'The store is down on purpose (FAULTS).', { retriable: true })
    }
    if (plan.store === 'busy') {
      throw new OrderError('store-busy', 'The store is busy on purpose (FAULTS).', { retriable: true })
    }
  }

  function throwForChosen(orders: readonly OrderToStore[]): void {
    const chosen = new Set(plan.throwForCustomers)
    if (orders.some(({ order }) => chosen.has(order.customerId))) throw new TypeError('A fault on purpose (FAULTS).')
  }

  return {
    get plan() {
      return plan
    },
    apply(next) {
      plan = next
      changed.resolve()
      changed = Promise.withResolvers()
    },
    wrapStore(store) {
      const faulty = guarded(store, ['findByIdempotencyKey', 'storeBatch', 'previewBatch'], pass)
      return {
        storeBatch: async (batch) => {
          throwForChosen(batch.orders)
          return faulty.storeBatch(batch)
        },
        previewBatch: async (orders) => {
          throwForChosen(orders)
          return faulty.previewBatch(orders)
        },
        findByIdempotencyKey: (keyHash) => faulty.findByIdempotencyKey(keyHash),
        health: async () =>
          plan.store === 'ok' || plan.store === 'slow'
            ? store.health()
            : { available: false, cause: `it is ${plan.store} on purpose (FAULTS)` },
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      }
    },
    wrapViews: (views) => guarded(views, ['get', 'getMany', 'list', 'search', 'history'], pass),
    wrapDeadLetters: (deadLetters) => guarded(deadLetters, ['keep', 'get', 'list', 'groups'], pass),
    wrapLog: (log) => ({
      publish: async (topic, records) => {
        if (plan.log === 'ok') return log.publish(topic, records)
        throw new OrderError('log-unavailable', 'The log is down on purpose (FAULTS).', { retriable: true })
      },
      health: async () =>
        plan.log === 'ok' ? log.health() : { available: false, cause: 'it is down on purpose (FAULTS)' },
      read: (...place) => log.read(...place),
      offsets: (topic) => log.offsets(topic),
      committed: (groupId, topic) => log.committed(groupId, topic),
      readers: (topic) => log.readers(topic),
      members: (groupId, topic) => log.members(groupId, topic),
      moveGroup: (...move) => log.moveGroup(...move),
      ensureTopics: (topics) => log.ensureTopics(topics),
      settingWarnings: (topics) => log.settingWarnings(topics),
      timestampTypeOf: (topic) => log.timestampTypeOf(topic),
      clock: () => log.clock(),
      retention: (topic) => log.retention(topic),
      identity: (topic) => log.identity(topic),
      inspect: () => log.inspect(),
      subscribe: (subscription) => log.subscribe(subscription),
      [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    }),
  }
}

/** The same object, whose methods of these names ask first. */
function guarded<Port extends object>(port: Port, names: readonly (keyof Port)[], first: () => Promise<void>): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (!names.includes(name as keyof Port)) return member.bind(target) as unknown
      return async (...parameters: unknown[]): Promise<unknown> => {
        await first()
        return member.apply(target, parameters) as unknown
      }
    },
  })
}
