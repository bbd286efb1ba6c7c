import type { EventLog, LogHealth } from '../../ports/event-log.ts'
import type { OrderStore, StoreHealth } from '../../ports/order-store.ts'

export interface Readiness {
  readonly ready: boolean
  /** Why the process is not ready, or what is unavailable without preventing readiness; absent if all is well. */
  readonly why?: string
  readonly checks: {
    readonly log: LogHealth & { readonly required: boolean }
    readonly store: StoreHealth & { readonly required: boolean }
  }
}

/** The log's health, with further unreadable parts added. */
export function withUnreadable(health: LogHealth, more: readonly string[]): LogHealth {
  return more.length === 0 ? health : { ...health, unreadable: [...(health.unreadable ?? []), ...more] }
}

export type CheckReadiness = () => Promise<Readiness>

/**
 * A process is ready if everything that its enabled HTTP functions need is available. Placing orders needs only the
 * log, so a process that accepts orders stays in service while the store is unavailable; a process that only answers
 * queries does not.
 */
export function createReadiness(dependencies: {
  log: Pick<EventLog, 'health'>
  store: Pick<OrderStore, 'health'>
  placesOrders: boolean
  answersQueries: boolean
}): CheckReadiness {
  const { log, store, placesOrders, answersQueries } = dependencies
  const required = { log: placesOrders, store: answersQueries && !placesOrders }

  return async function checkReadiness() {
    const [logHealth, storeHealth] = await Promise.all([log.health(), store.health()])
    const ready = (logHealth.available || !required.log) && (storeHealth.available || !required.store)
    const why = [
      ...(logHealth.available ? [] : [`The log is unavailable: ${logHealth.cause ?? 'no cause is known'}.`]),
      ...(logHealth.unreadable === undefined
        ? []
        : [`Something in the log cannot be read, and processing waits there: ${logHealth.unreadable.join(' ')}`]),
      ...(storeHealth.available
        ? []
        : [
            `The store is unavailable: ${storeHealth.cause ?? 'no cause is known'}. Orders wait in the log; none is lost.`,
          ]),
    ].join(' ')
    return {
      ready,
      ...(why !== '' && { why }),
      checks: {
        log: { ...logHealth, required: required.log },
        store: { ...storeHealth, required: required.store },
      },
    }
  }
}
