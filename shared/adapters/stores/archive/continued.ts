import type { ArchivingAct } from '../../../ports/archive.ts'

/**
 * The action for the next step, given the number of orders that earlier steps of the same call archived or restored.
 */
export function continued(act: ArchivingAct, orders: number): ArchivingAct {
  return orders === 0 ? act : { ...act, continues: true }
}
