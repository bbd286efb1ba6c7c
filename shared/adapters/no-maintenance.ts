import { OrderError } from '../domain/errors.ts'
import type { Maintenance } from '../ports/maintenance.ts'

/** For a store whose adapter does not do this: it says so, and harms nothing. */
export function createNoMaintenance(): Maintenance {
  return {
    beginRebuild: refuse,
    getRebuild: async () => undefined,
    projectOrders: refuse,
    completeOrders: refuse,
    swapOrders: refuse,
    abandonRebuild: refuse,
    resetLedger: refuse,
    migrate: refuse,
    findDamage: refuse,
  }
}

async function refuse(): Promise<never> {
  throw new OrderError('conflict', 'The store in use cannot do this.')
}
