import type { OpenEmptyStore } from '../store-fixtures.ts'
import { changeViewsContract } from './changes/change-views.contract.ts'
import { decidedChangesContract } from './changes/decided-changes.contract.ts'
import { rebuiltChangesContract } from './changes/rebuilt-changes.contract.ts'
import { redeliveredChangesContract } from './changes/redelivered-changes.contract.ts'
import { repairedChangesContract } from './changes/repaired-changes.contract.ts'
import { waitingChangesContract } from './changes/waiting-changes.contract.ts'

/** What every store guarantees about amendments and cancellations. */
export function orderChangesContract(name: string, open: OpenEmptyStore): void {
  decidedChangesContract(name, open)
  waitingChangesContract(name, open)
  redeliveredChangesContract(name, open)
  repairedChangesContract(name, open)
  changeViewsContract(name, open)
  rebuiltChangesContract(name, open)
}
