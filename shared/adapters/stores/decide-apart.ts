import type { Order } from '../../domain/order.ts'
import { takeTurns, type UndecidedChange, type Verdict } from '../../domain/changes/turns.ts'
import { NOT_ALLOWED } from './change-refusals.ts'

/**
 * Decides the changes of one order one after the other, to find those that a constraint refuses. Yields each new state of
 * the order, and has to be told whether the tables allow it. It is a generator because one store asks its tables
 * synchronously and the other one does not.
 */
export function* decideApart(
  order: Order | undefined,
  changes: readonly UndecidedChange[],
  isDiscarded: boolean,
): Generator<{ before: Order; after: Order }, ReturnType<typeof takeTurns>, boolean> {
  let current = order
  const verdicts: Verdict[] = []
  for (const change of changes) {
    const next = takeTurns(current, [change], isDiscarded)
    const [verdict] = next.verdicts
    if (verdict === undefined) break
    const [before, after] = [current, next.order]
    const isNew = before !== undefined && after !== undefined && after !== before
    const isAllowed = !isNew || (yield { before, after })
    verdicts.push(isAllowed ? verdict : { changeId: change.changeId, kind: 'refused', cause: NOT_ALLOWED })
    if (isAllowed) current = after
  }
  return { order: current, verdicts }
}
