import { OrderError } from '../../domain/errors.ts'
import { newOrderOf } from '../../domain/order-events.ts'
import type { DeadLetters } from '../../ports/dead-letters.ts'
import type { EventLog, LogConsumer } from '../../ports/event-log.ts'
import type { OrderStore, OrderToStore } from '../../ports/order-store.ts'
import type { OrderViews } from '../../ports/order-views.ts'

/** Deliberate faults, for tests and demonstrations. These faults exist only in an embedded host with FAULTS=on. */
export interface FaultPlan {
  /**
   * `down` fails as in an outage, `busy` fails as under contention, `hang` never responds, and `slow` responds after
   * `slowMs`.
   */
  readonly store: 'ok' | 'down' | 'busy' | 'hang' | 'slow'
  readonly slowMs: number
  /** With `down`, publishing to the log fails. */
  readonly log: 'ok' | 'down'
  /** Storing an order of one of these customers throws, as if our code had a bug. */
  readonly throwForCustomers: readonly number[]
}

export const NO_FAULTS: FaultPlan = { store: 'ok', slowMs: 0, log: 'ok', throwForCustomers: [] }

export interface Faults {
  readonly plan: FaultPlan
  /** Replaces the plan. Hanging calls continue once a plan without `hang` is applied. */
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
    if (chosen.size === 0) return
    if (orders.some(({ json }) => chosen.has(newOrderOf(json).customerId)))
      throw new TypeError('A fault on purpose (FAULTS).')
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
      const faulty = guarded(
        store,
        ['findByIdempotencyKey', 'findChangeByIdempotencyKey', 'storeBatch', 'previewBatch'],
        pass,
      )
      return replaced(faulty, {
        storeBatch: async (batch) => {
          throwForChosen(batch.orders)
          return faulty.storeBatch(batch)
        },
        previewBatch: async (batch) => {
          throwForChosen(batch.orders)
          return faulty.previewBatch(batch)
        },
        health: async () =>
          plan.store === 'ok' || plan.store === 'slow'
            ? store.health()
            : { available: false, cause: `it is ${plan.store} on purpose (FAULTS)` },
      })
    },
    wrapViews: (views) =>
      guarded(
        views,
        ['get', 'getMany', 'list', 'search', 'changes', 'getChanges', 'countWaiting', 'archivedAt', 'history'],
        pass,
      ),
    wrapDeadLetters: (deadLetters) => guarded(deadLetters, ['keep', 'get', 'list', 'groups'], pass),
    wrapLog: (log) =>
      replaced(log, {
        publish: async (topic, records) => {
          if (plan.log === 'ok') return log.publish(topic, records)
          throw new OrderError('log-unavailable', 'The log is down on purpose (FAULTS).', { retriable: true })
        },
        health: async () =>
          plan.log === 'ok' ? log.health() : { available: false, cause: 'it is down on purpose (FAULTS)' },
      }),
  }
}

/** A proxy for the port, with these methods instead of the port's own. */
function replaced<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(Object.hasOwn(methods, name) ? methods : target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

/** A proxy for the port. The methods in `names` run only after `first` has resolved. */
function guarded<Port extends object>(port: Port, names: readonly (keyof Port)[], first: () => Promise<void>): Port {
  const methods = names.map((name) => {
    const method = port[name] as (...parameters: unknown[]) => unknown
    const guardedMethod = async (...parameters: unknown[]) => {
      await first()
      return method.apply(port, parameters)
    }
    return [name, guardedMethod] as const
  })
  return replaced(port, Object.fromEntries(methods) as Partial<Port>)
}
