import { OrderError } from '../../domain/errors.ts'
import type { WhichLetters } from '../../ports/dead-letters.ts'
import type { RedriveState } from '../../ports/redrives.ts'

/**
 * The maximum total size of the letters that one step claims, unless the first letter alone is larger. Reads of the log
 * have the same limit.
 */
export const MAX_CLAIMED_BYTES = 8 * 1024 * 1024
/** If a process dies while gathering letters, no other process can take over the task for this long. */
export const GATHERING_LEASE_MS = 60_000
/** The operator that the audit log names when a task stops on its own. */
export const ITSELF = { operator: 'redrive', verified: true }

export type LettersByFilter = Exclude<WhichLetters, { readonly ids: readonly string[] }>

export function redriveNotFound(): OrderError {
  return new OrderError('not-found', 'No redrive has this id.')
}

export function namedLetterNotFound(id: string): OrderError {
  return new OrderError('dead-letter-not-found', `No dead letter has the id ${id}.`)
}

export function noDeadLetterMatches(): OrderError {
  return new OrderError('conflict', 'No matching letter is dead.')
}

/** Throws `conflict` unless a task in this state can be cancelled or resumed. */
export function refuseChange(state: RedriveState, to: 'cancelled' | 'running'): void {
  const isAllowed = to === 'cancelled' ? state === 'running' : state === 'stopped' || state === 'cancelled'
  if (!isAllowed) throw new OrderError('conflict', `The redrive is ${state}.`)
}
