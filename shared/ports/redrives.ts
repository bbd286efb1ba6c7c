import type { KeptDeadLetter, WhichLetters } from './dead-letters.ts'
import type { Page } from './order-views.ts'

/**
 * What operators do to dead letters, kept where the letters are: redrive tasks, discards, edits, and the audit list of
 * every action. Each call is one transaction unless its description says otherwise. A call that an operator asked for also
 * writes its line of the audit.
 */
export interface Redrives {
  /**
   * Makes a task of the letters that match and are `dead`, in the order in which they were kept. Letters that are named
   * belong to it in any state, and those that are not `dead` are skipped. Rejects with `dead-letter-not-found` when one
   * of the names is none, with `conflict` when no letter is `dead`.
   *
   * Letters that a filter names are gathered in steps, each one transaction, and the task begins when it has all of them.
   * When the process dies meanwhile, or the store goes away, whoever leases the task later goes on.
   */
  create(task: NewRedrive, act: Act): Promise<RedriveTask>

  get(taskId: string): Promise<RedriveTask | undefined>

  /**
   * Newest first. To count a task's outcomes costs what it has letters, so each is read by itself, as `get` does, and a
   * page of long ones holds up nobody else.
   */
  list(query: { limit: number; cursor?: string }): Promise<Page<RedriveTask>>

  /**
   * Gives one running task to `owner` until `leaseMs` from `nowMs`, the one that is due longest; a task whose owner died
   * is free when its lease is over, and an owner that failed on the way may have it again at once. Undefined when
   * nothing is due.
   */
  lease(owner: string, nowMs: number, leaseMs: number): Promise<RedriveTask | undefined>

  /**
   * The letters of the task's next step, at most `limit` and about 8 MiB, noted as that step's before they are sent.
   * When a process died between noting and `markSent`, those that are still `dead` come again before any other. Only
   * `dead` letters come. None when the task is not running or not leased to `owner`.
   */
  claim(taskId: string, owner: string, limit: number): Promise<readonly KeptDeadLetter[]>

  /**
   * They are in their origin topic again since `at`: `dead` becomes `redriven`, and the histories of the orders that were
   * not stored before say so.
   */
  markSent(taskId: string, letterIds: readonly string[], at: string): Promise<void>

  /**
   * Ends the lease of `owner`: the task is due again at `dueMs`, or has come to the end that `ending` says. Changes
   * nothing when the lease went to another, or an operator changed the task meanwhile.
   */
  release(taskId: string, owner: string, next: { dueMs: number; at: string; ending?: RedriveEnding }): Promise<void>

  /**
   * By an operator: cancel a running task, or resume one that is stopped or cancelled; it then begins with one letter
   * again. A resume prepares the letters in steps before the task runs again. Rejects with `not-found` or `conflict`.
   */
  change(taskId: string, to: 'cancelled' | 'running', act: Act): Promise<RedriveTask>

  /**
   * `dead` becomes `discarded`, or back. Its order's status follows unless it is stored or another of its letters is
   * still open. Rejects with `dead-letter-not-found` or `conflict`.
   */
  discard(letterId: string, act: Act): Promise<KeptDeadLetter>
  restore(letterId: string, act: Act): Promise<KeptDeadLetter>

  /**
   * Discards those of the letters that are `dead`, as `discard` does each, and answers how many: at least that many where
   * a step that lost a race began again. Ids that name no letter are passed over, as are letters in another state. Each
   * letter is discarded wholly or not at all, with its line of the audit; after a failure those before it stay discarded.
   */
  discardMany(letterIds: readonly string[], act: Act): Promise<number>

  /**
   * Keeps the edited payload beside the original, before it is sent: an edit that nobody could say was sent is on record
   * too. The letter stays `dead`. Rejects with `dead-letter-not-found` or `conflict`.
   */
  recordEdit(letterId: string, value: Uint8Array, act: Act): Promise<KeptDeadLetter>

  /** The edited payload is in the log since `act.at`: `dead` becomes `redriven`, and its order's history says so. */
  markEdited(letterId: string, act: Act): Promise<KeptDeadLetter>

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

/** How a task ends by itself; why it stopped, in words. */
export type RedriveEnding = { readonly state: 'done' } | { readonly state: 'stopped'; readonly why: string }

export interface NewRedrive {
  readonly id: string
  readonly letters: WhichLetters
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
  /** The operator's, which the orders' histories repeat. */
  readonly reason: string | null
  readonly ratePerSecond: number
  /** How many steps were begun; the first sends one letter, later ones more. */
  readonly step: number
  /** What became of the letters, which adds up: total = waiting + pending + resolved + failed + skipped. */
  readonly total: number
  /** Not sent yet. */
  readonly waiting: number
  /** Sent, outcome not known yet. */
  readonly pending: number
  /** Their orders are stored. */
  readonly resolved: number
  /** Dead again, under another id. */
  readonly failed: number
  /** Never sent: somebody discarded, redrove or edited them before their turn. */
  readonly skipped: number
  /** The same of the last step alone, as far as it was sent; `retrying` of `pending` are in a retry topic. */
  readonly lastStep: {
    readonly sent: number
    readonly pending: number
    readonly retrying: number
    readonly failed: number
  }
}

export const AUDITED_ACTIONS = [
  'redrive',
  'cancel',
  'resume',
  'stop',
  'discard',
  'discard-many',
  'restore',
  'edit',
  'rebuild',
  'reset-ledger',
  'take-out',
  'repair-ledger',
  'backup',
] as const

export interface AuditEntry {
  readonly at: string
  readonly action: (typeof AUDITED_ACTIONS)[number]
  /** The id of the letter or task, or the place of a record; which letters many are; the topic whose ledger or orders were made anew; the name of a backup. */
  readonly target: string
  readonly operator: string
  readonly verified: boolean
  readonly reason: string | null
}
