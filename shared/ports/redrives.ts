import type { DeadLetterQuery, KeptDeadLetter } from './dead-letters.ts'
import type { Page } from './order-views.ts'

/**
 * What operators do to dead letters, kept where the letters are: redrive tasks, discards, edits, and the audit list of
 * every action. Each call is one transaction that also writes its line of the audit.
 */
export interface Redrives {
  /**
   * Makes a task of the letters that match and are `dead`, in the order in which they were kept. Rejects with
   * `conflict` when none matches.
   */
  create(task: NewRedrive, act: Act): Promise<RedriveTask>

  get(taskId: string): Promise<RedriveTask | undefined>

  /**
   * Gives one running task to `owner` until `leaseMs` from `nowMs`, the one that waited longest; a task whose owner died
   * is free when its lease is over. Undefined when there is nothing to do.
   */
  lease(owner: string, nowMs: number, leaseMs: number): Promise<RedriveTask | undefined>

  /** The next letters of the task that were not sent yet and are still `dead`, at most `limit`. */
  nextLetters(taskId: string, limit: number): Promise<readonly KeptDeadLetter[]>

  /** They are in their origin topic again: `dead` becomes `redriven`, and their orders' histories say so. */
  markSent(taskId: string, letterIds: readonly string[], step: number, at: string): Promise<void>

  /** Ends the lease; with a state, moves the task on. A task that an operator cancelled meanwhile stays cancelled. */
  release(taskId: string, change: { state?: RedriveState; why?: string; at: string }): Promise<void>

  /** By an operator: cancel a running task, or resume one that is stopped or cancelled. Rejects with `conflict`. */
  change(taskId: string, to: 'cancelled' | 'running', act: Act): Promise<RedriveTask>

  /** `dead` becomes `discarded`, or back; its order's status follows unless it is stored. Rejects with `conflict`. */
  discard(letterId: string, act: Act): Promise<KeptDeadLetter>
  restore(letterId: string, act: Act): Promise<KeptDeadLetter>

  /** An edited payload was sent in the letter's place: the original is kept, the edit beside it, the state `redriven`. */
  markEdited(letterId: string, value: Uint8Array, act: Act): Promise<KeptDeadLetter>

  /** Newest first. */
  audit(query: { limit: number; cursor?: string; target?: string }): Promise<Page<AuditEntry>>
}

/** Who does it and why. The operator is what the request claims, unless the platform signed it in. */
export interface Act {
  readonly operator: string
  readonly verified: boolean
  /** RFC 3339. */
  readonly at: string
  readonly reason: string | null
}

export type RedriveState = 'running' | 'stopped' | 'cancelled' | 'done'

export interface NewRedrive {
  readonly id: string
  readonly letters: { readonly ids: readonly string[] } | Omit<DeadLetterQuery, 'limit' | 'cursor' | 'state'>
  /** The most letters sent in a second. */
  readonly ratePerSecond: number
}

export interface RedriveTask {
  readonly id: string
  readonly state: RedriveState
  /** Why it stopped by itself, in words. */
  readonly why: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly operator: string
  readonly ratePerSecond: number
  /** How many steps were sent; the first sends one letter, later ones more. */
  readonly step: number
  /** Outcomes, which add up to `total`: progress is what was stored, not what was sent. */
  readonly total: number
  readonly waiting: number
  readonly pending: number
  readonly resolved: number
  /** Dead again, under another id. */
  readonly failed: number
  /** Letters that somebody discarded, redrove or edited before their turn. */
  readonly skipped: number
  /** The same for the last step alone. */
  readonly lastStep: {
    readonly sent: number
    readonly pending: number
    readonly retrying: number
    readonly failed: number
  }
}

export interface AuditEntry {
  readonly at: string
  readonly action: 'redrive' | 'cancel' | 'resume' | 'stop' | 'discard' | 'restore' | 'edit'
  /** The id of the letter or task. */
  readonly target: string
  readonly operator: string
  readonly verified: boolean
  readonly reason: string | null
}
