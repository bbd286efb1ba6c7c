import type { ArchivingAct } from '../../../ports/archive.ts'

/** The act of the next step, after earlier steps of the same call archived or restored this many orders. */
export function continued(act: ArchivingAct, orders: number): ArchivingAct {
  return orders === 0 ? act : { ...act, continues: true }
}
