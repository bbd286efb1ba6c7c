import { OrderError } from '../../../domain/errors.ts'
import type { ChangeOutcome, ChangeToStore } from '../../../ports/order-store.ts'
import { CHANGE_ID_REUSED } from '../../stores/change-refusals.ts'
import type { ChangeState } from '../../stores/change-rows.ts'
import type { Turns } from './turns.ts'

interface Recorded {
  readonly changes: readonly ChangeToStore[]
  /** How the statement recorded each change. */
  readonly recorded: readonly string[]
  /** The states of the changes that this instance decided or left waiting. */
  readonly states: ReadonlyMap<string, ChangeState>
}

/**
 * Returns the outcome of each change in a batch, once the changes whose turn has come have been decided. Reads the
 * states of changes that were decided earlier.
 */
export async function outcomesOfChanges(
  { changes, recorded, states }: Recorded,
  turns: Turns,
): Promise<ChangeOutcome[]> {
  const others = changes.flatMap(({ changeId }, index) =>
    recorded[index] === 'stored' && !states.has(changeId) ? [changeId] : [],
  )
  const known = new Map([...(await turns.statesOf(others)), ...states])
  return changes.map(({ changeId }, index) => toChangeOutcome(recorded[index], known.get(changeId)))
}

export function toChangeOutcome(recorded: string | undefined, state: ChangeState | undefined): ChangeOutcome {
  if (recorded === 'order-id-reused') return CHANGE_ID_REUSED
  if (recorded === 'duplicate' || recorded === 'withheld') return { kind: recorded }
  if (recorded !== 'stored')
    throw new OrderError('internal', `The store returned an unknown outcome for a change: ${String(recorded)}.`)
  if (state === 'applied') return { kind: 'applied' }
  // An operator discarded the change after the batch recorded it.
  if (state === 'discarded') return { kind: 'withheld' }
  return { kind: state === 'rejected' ? 'refused' : 'waiting' }
}
