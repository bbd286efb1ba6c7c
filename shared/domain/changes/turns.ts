import { decide, evolve, type Order, type Refused } from '../order.ts'
import type { OrderChange } from './order-changes.ts'
import type { Cause } from '../order-view.ts'

/** A change that is stored but not decided yet. Lists are in the order in which the order's changes arrived. */
export interface UndecidedChange {
  readonly changeId: string
  /**
   * `ready`: the change is decided once its turn comes. `held`: the change's own record is in a retry topic or
   * dead-lettered, and no later change to the order is decided before it.
   */
  readonly state: 'ready' | 'held'
  /** RFC 3339. */
  readonly acceptedAt: string
  /** Null if the change cannot be read, which is possible only for a `held` one. */
  readonly change: OrderChange | null
  /** Whether a later change has already been applied, which can happen when an operator restores a discarded change. */
  readonly isOvertaken: boolean
}

/** The outcome of one change. */
export type Verdict = { readonly changeId: string } & (
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'refused'; readonly cause: Cause }
)

export const ORDER_DISCARDED: Cause = { code: 'order-discarded', detail: 'The order was discarded by an operator.' }
const OVERTAKEN: Cause = {
  code: 'overtaken',
  detail: 'A later change to the order was applied before this one was redriven.',
}

/**
 * Decides the outcome of each change to an order whose turn has come, one after the other, and stops at the first
 * change that has to wait. Each store supplies what it alone knows: which changes are kept, in what sequence, and
 * whether the result violates a constraint. `order` is undefined until the order is stored. The changes then wait, or
 * are rejected if the order was discarded. An overtaken change is rejected in either case.
 */
export function takeTurns(
  order: Order | undefined,
  changes: readonly UndecidedChange[],
  isDiscarded = false,
): { readonly order: Order | undefined; readonly verdicts: readonly Verdict[] } {
  const verdicts: Verdict[] = []
  let current = order
  for (const { changeId, state, acceptedAt, change, isOvertaken } of changes) {
    if (state === 'held' || change === null) break
    if (isOvertaken) verdicts.push({ changeId, kind: 'refused', cause: OVERTAKEN })
    else if (current !== undefined) {
      const event = decide(current, change, acceptedAt)
      if (event.kind === 'refused') verdicts.push({ changeId, kind: 'refused', cause: causeOf(event) })
      else {
        current = evolve(current, event)
        verdicts.push({ changeId, kind: 'applied', version: current.version })
      }
    } else if (isDiscarded) verdicts.push({ changeId, kind: 'refused', cause: ORDER_DISCARDED })
    else break
  }
  return { order: current, verdicts }
}

function causeOf({ code, detail }: Refused): Cause {
  return { code, detail }
}
