import { messageOf } from '../../domain/errors.ts'
import type { Archive } from '../../ports/archive.ts'
import type { DeadLetters } from '../../ports/dead-letters.ts'
import type { Forgetting } from '../../ports/forgetting.ts'
import type { Ledger } from '../../ports/ledger.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { OrderStore, StoreHealth } from '../../ports/order-store.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import type { Redrives } from '../../ports/redrives.ts'
import type { Retention } from '../../ports/retention.ts'
import { within } from '../../threads/waiting.ts'

/** All ports of a store, backed by a single database. */
export interface Store extends AsyncDisposable {
  readonly store: OrderStore
  readonly views: OrderViews
  readonly deadLetters: DeadLetters
  readonly ledger: Ledger
  readonly redriveTasks: Redrives
  readonly maintenance: Maintenance
  readonly archive: Archive
  readonly forgetting: Forgetting
  readonly retention: Retention
}

/** A store that hangs never responds, so a store that takes longer than this counts as unavailable. */
const HEALTH_DEADLINE_MS = 2000

/** Checks whether the store can be used. Never rejects; `probe` must reject if the store cannot be used. */
export async function checkHealth(probe: () => Promise<unknown>): Promise<StoreHealth> {
  try {
    await within(HEALTH_DEADLINE_MS, 'An answer', probe())
    return { available: true }
  } catch (error) {
    return { available: false, cause: messageOf(error) }
  }
}
