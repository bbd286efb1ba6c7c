import type { DeadLetterState, KeptDeadLetter, WhichLetters } from './dead-letters.ts'
import type { UndecidableChange } from './order-store.ts'
import type { Page } from './order-views.ts'

/**
 * Operators' actions on dead letters, kept alongside the letters: redrive tasks, discards, edits, and the audit log of
 * every action. Each call is one transaction unless its description says otherwise. A call with an `Act` also writes an
 * audit entry.
 */
export interface Redrives {
  /**
   * Creates a task for the letters that match and are `dead`, in the order in which they reached the store. Letters
   * selected by id belong to the task whatever their state is, but those that are not `dead` are skipped. Rejects with
   * `dead-letter-not-found` if one of the ids is unknown, and with `conflict` if no letter is `dead`.
   *
   * Letters that match a filter are gathered in steps, each in one transaction, and the task starts when all are
   * gathered. If the process dies or the store becomes unavailable in the meantime, the next process that leases the
   * task gathers the rest.
   */
  create(task: NewRedrive, act: Act): Promise<RedriveTask>

  get(taskId: string): Promise<RedriveTask | undefined>

  /**
   * Newest first. The more letters a task has, the longer it takes to count their outcomes. Each task is therefore read
   * separately, as `get` reads it, so that a page of long tasks blocks nothing else.
   */
  list(query: { limit: number; cursor?: string }): Promise<Page<RedriveTask>>

  /**
   * Gives `owner` a lease on the running task that has been due the longest. The lease lasts until `leaseMs` after
   * `nowMs`. A task whose owner died is free once its lease has expired. An owner whose step failed may lease the task
   * again at once. Undefined if no task is due.
   */
  lease(owner: string, nowMs: number, leaseMs: number): Promise<RedriveTask | undefined>

  /**
   * The `dead` letters of the task's next step, at most `limit` of them and about 8 MiB, recorded for that step before
   * they are sent. If a process died before `markSent`, the recorded letters that are still `dead` come first. Empty if
   * the task is not running or not leased to `owner`.
   */
  claim(taskId: string, owner: string, limit: number): Promise<readonly KeptDeadLetter[]>

  /**
   * Marks letters as sent to the orders topic at the time `at`: `dead` becomes `redriven`, and an entry is added to
   * the history of each order that was not stored yet.
   */
  markSent(taskId: string, letterIds: readonly string[], at: string): Promise<void>

  /**
   * Ends the lease that `owner` has on the task. The task becomes due again at `dueMs`, or ends as `ending` says.
   * Changes nothing if another owner now has the lease or an operator has changed the task.
   */
  release(taskId: string, owner: string, next: { dueMs: number; at: string; ending?: RedriveEnding }): Promise<void>

  /**
   * For operators: cancels a running task, or resumes a stopped or cancelled one, which then starts again with a step
   * of one letter. When a task is resumed, its letters are first prepared in steps, and then it runs again. Rejects
   * with `not-found` or `conflict`.
   */
  change(taskId: string, to: 'cancelled' | 'running', act: Act): Promise<RedriveTask>

  /**
   * `discard` turns `dead` into `discarded`, and `restore` does the reverse. The order's status changes accordingly,
   * unless the order is stored or another of its letters is still open. Rejects with `dead-letter-not-found` or
   * `conflict`.
   */
  discard(letterId: string, act: Act): Promise<KeptDeadLetter>
  restore(letterId: string, act: Act): Promise<KeptDeadLetter>

  /**
   * Discards the letters that are `dead`, as `discard` does, and returns how many it discarded. The number may be too
   * low if a step lost a race and was repeated. Skips unknown ids and letters in another state. Each letter is
   * discarded, and its audit entry is written, in one transaction. After a failure, the letters that were already
   * discarded stay discarded.
   */
  discardMany(letterIds: readonly string[], act: Act): Promise<number>

  /**
   * Discards a waiting change and lets its successors take their turns. Returns the successor that could not be decided
   * because of a bug, if any; that successor keeps waiting. Rejects with `conflict` and changes nothing if the change
   * is not waiting, or if its order or an earlier change to that order is being retried, dead or discarded. Also
   * rejects if the order is stored, unless a bug prevents the change itself from being decided.
   */
  discardChange(changeId: string, act: Act): Promise<readonly UndecidableChange[]>

  /**
   * Keeps the edited payload alongside the original before it is sent, so that the edit is recorded even if it is
   * uncertain whether it was sent. The letter stays `dead`. Rejects with `dead-letter-not-found` or `conflict`, for
   * example if the letter contains a change.
   */
  recordEdit(letterId: string, value: Uint8Array, act: Act): Promise<KeptDeadLetter>

  /**
   * Marks the edited payload as sent at `act.at`: the letter becomes `redriven`, and an entry is added to its order's
   * history.
   */
  markEdited(letterId: string, act: Act): Promise<KeptDeadLetter>

  /** Newest first. */
  audit(query: { limit: number; cursor?: string; target?: string }): Promise<Page<AuditEntry>>
}

/** Who acts, and why. `operator` is the name in the request, unless the platform has authenticated the operator. */
export interface Act {
  readonly operator: string
  readonly verified: boolean
  /** RFC 3339. */
  readonly at: string
  readonly reason: string | null
}

export type RedriveState = 'running' | 'stopped' | 'cancelled' | 'done'

/** How a task ends if nobody cancels it; `why` is a sentence for operators. */
export type RedriveEnding = { readonly state: 'done' } | { readonly state: 'stopped'; readonly why: string }

export interface NewRedrive {
  readonly id: string
  readonly letters: WhichLetters
  /** The maximum number of letters sent per second. */
  readonly ratePerSecond: number
}

export interface RedriveTask {
  readonly id: string
  readonly state: RedriveState
  /** A sentence that says why the task stopped on its own. */
  readonly why: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly operator: string
  /** The operator's reason, which also appears in the orders' histories. */
  readonly reason: string | null
  readonly ratePerSecond: number
  /** How many steps have begun; the first sends one letter, later ones more. */
  readonly step: number
  /** The letters by outcome: total = waiting + pending + resolved + failed + skipped. */
  readonly total: number
  /** Not sent yet. */
  readonly waiting: number
  /** Sent, outcome not known yet. */
  readonly pending: number
  /** The orders are stored. */
  readonly resolved: number
  /** Dead again, under another id. */
  readonly failed: number
  /** Never sent, because the letters were discarded, redriven or edited before their turn came. */
  readonly skipped: number
  /**
   * The figures for the last step alone, counting only the letters that were sent. `retrying` is the number of
   * `pending` letters that are in a retry topic.
   */
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
  'discard-change',
  'restore',
  'edit',
  'rebuild',
  'reset-ledger',
  'take-out',
  'repair-ledger',
  'backup',
  'archive',
  'restore-archive',
  'forget',
  'forget-group',
] as const

export interface AuditEntry {
  readonly at: string
  readonly action: (typeof AUDITED_ACTIONS)[number]
  /**
   * One of these: the id of a letter, task or change; a record's position; a description of many letters; the topic of
   * a rebuild or a ledger; the name of a backup or an archive file; a customer; a consumer group.
   */
  readonly target: string
  readonly operator: string
  readonly verified: boolean
  readonly reason: string | null
}

/** The number of a task's letters in one state, as counted by the store. */
export interface RedriveOutcome {
  /** Whether a step recorded these letters for sending. */
  readonly noted: 0 | 1
  /** Whether that was the last step. */
  readonly last: 0 | 1
  readonly state: DeadLetterState
  readonly letters: number
  /** How many of these letters were sent and belong to an order that is waiting for its next attempt. */
  readonly retrying: number
}

type Figure = 'waiting' | 'pending' | 'resolved' | 'failed' | 'skipped'

/** Adds up the outcomes of a task's letters. */
export function tallyOf(outcomes: readonly RedriveOutcome[]): Pick<RedriveTask, Figure | 'total' | 'lastStep'> {
  const sum = (some: readonly RedriveOutcome[], figure: Figure) =>
    some.filter((one) => figureOf(one) === figure).reduce((total, { letters }) => total + letters, 0)
  const last = outcomes.filter((outcome) => outcome.last === 1)
  const pending = sum(last, 'pending')
  const failed = sum(last, 'failed')
  return {
    total: outcomes.reduce((total, { letters }) => total + letters, 0),
    waiting: sum(outcomes, 'waiting'),
    pending: sum(outcomes, 'pending'),
    resolved: sum(outcomes, 'resolved'),
    failed: sum(outcomes, 'failed'),
    skipped: sum(outcomes, 'skipped'),
    lastStep: {
      sent: pending + failed + sum(last, 'resolved'),
      pending,
      retrying: last.reduce((total, { retrying }) => total + retrying, 0),
      failed,
    },
  }
}

/**
 * A letter that a step recorded and that is still `dead` counts as not sent: the process that recorded it has died, or
 * is about to send it.
 */
function figureOf({ noted, state }: RedriveOutcome): Figure {
  if (state === 'dead') return 'waiting'
  if (noted === 0 || state === 'discarded') return 'skipped'
  return ({ redriven: 'pending', resolved: 'resolved', superseded: 'failed' } as const)[state]
}
