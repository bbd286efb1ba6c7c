import type { Order } from '../../domain/order.ts'
import { takeTurns, type UndecidedChange, type Verdict } from '../../domain/changes/turns.ts'
import { NOT_ALLOWED } from './change-refusals.ts'

/** The verdicts on the first changes of an order, and the order after those changes. */
export interface Decided {
  readonly order: Order | undefined
  readonly verdicts: readonly Verdict[]
  /** The first change without a verdict, if the code that decides changes threw an error. */
  readonly failure?: { readonly changeId: string; readonly error: unknown }
}

/**
 * Evaluates an order's changes one by one, to find those that the tables do not allow and the first one that our code
 * fails to decide. Yields each new state of the order. The caller passes back whether the tables allow that state, or
 * throws into the generator if checking fails. A generator suits both stores: one checks its tables synchronously, the
 * other asynchronously.
 */
export function* decideApart(
  order: Order | undefined,
  changes: readonly UndecidedChange[],
  isDiscarded: boolean,
): Generator<{ before: Order; after: Order }, Decided, boolean> {
  let current = order
  const verdicts: Verdict[] = []
  for (const change of changes) {
    const { changeId } = change
    try {
      const next = takeTurns(current, [change], isDiscarded)
      const [verdict] = next.verdicts
      if (verdict === undefined) break
      const [before, after] = [current, next.order]
      const isNew = before !== undefined && after !== undefined && after !== before
      const isAllowed = !isNew || (yield { before, after })
      verdicts.push(isAllowed ? verdict : { changeId, kind: 'refused', cause: NOT_ALLOWED })
      if (isAllowed) current = after
    } catch (error) {
      return { order: current, verdicts, failure: { changeId, error } }
    }
  }
  return { order: current, verdicts }
}
