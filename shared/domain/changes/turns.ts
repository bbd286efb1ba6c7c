import { decide, evolve, type Order, type Refused } from '../order.ts'
import type { OrderChange } from './order-changes.ts'
import type { Cause } from '../order-view.ts'

/** A change that is kept and not decided, in the order in which the changes of its order came. */
export interface UndecidedChange {
  readonly changeId: string
  /**
   * `ready` to be decided once its turn comes. `held` if its own record is in a retry topic or dead: nothing behind it is
   * decided before it.
   */
  readonly state: 'ready' | 'held'
  /** RFC 3339. */
  readonly acceptedAt: string
  /** Null if it cannot be read, which only a `held` one may be. */
  readonly change: OrderChange | null
  /** Whether a change that came later is applied already, as may happen if an operator restores a discarded one. */
  readonly isOvertaken: boolean
}

/** What became of one change. */
export type Verdict = { readonly changeId: string } & (
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'refused'; readonly cause: Cause }
)

export const ORDER_DISCARDED: Cause = { code: 'order-discarded', detail: 'The order was discarded by an operator.' }
const OVERTAKEN: Cause = {
  code: 'overtaken',
  detail: 'A later change of the order was applied before this one came back.',
}

/**
 * Decides the changes of one order whose turn has come, one after the other, and stops at the first that has to wait. The
 * stores add what only they know: which changes are kept, in which sequence, and whether a constraint refuses the result.
 * `order` is undefined while the order is not stored: then nothing is decided, unless the order was discarded.
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
