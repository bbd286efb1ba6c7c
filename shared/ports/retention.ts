/**
 * Removes old rows from the store: settled dead letters, histories of orders with nothing pending, audit entries, and
 * redrive tasks that are no longer running. Orders and the ledger stay as they are.
 */
export interface Retention {
  /**
   * Removes the next rows that are older than a given time from one part of the store, in one small transaction. The
   * caller repeats the step, each time from `next`, until `next` is null. Several processes may do this at once, and a
   * step may be repeated: rows that are already gone do not count as removed.
   *
   * - `dead-letters`: letters that were resolved, superseded or discarded before that time, unless they belong to a
   *   running redrive task. Their payloads, headers, causes and edits are removed, and no query returns the letters any
   *   more. Their ids, positions and states are kept, so that a record that is delivered again is treated as before: a
   *   removed letter is not kept again, and a discarded record is not stored.
   * - `histories`, `change-histories`: entries of orders whose last entry is before that time and that have no pending
   *   retry, no open dead letter and no undecided change. `OrderViews.history` then contains an
   *   `entries-removed` entry. The history still shows when the order was accepted and stored, because the order itself
   *   records these times.
   * - `audit`: entries before that time.
   * - `redrives`: tasks that are not running and have not changed since that time. No query returns a task that is
   *   partly removed.
   */
  remove(part: RemovablePart, bounds: RemovalBounds): Promise<RemovalStep>
}

export const REMOVABLE_PARTS = ['dead-letters', 'histories', 'change-histories', 'audit', 'redrives'] as const
export type RemovablePart = (typeof REMOVABLE_PARTS)[number]

/** The value of `from` for the first step. */
export const FROM_THE_BEGINNING = 0

export interface RemovalBounds {
  /** RFC 3339. */
  readonly olderThan: string
  readonly from: number
  /**
   * The maximum number of rows that one step takes: dead letters, entries or, for `redrives`, the letters that the
   * tasks list. A step that removes an entry of a history also removes the earlier entries of the same order.
   */
  readonly limit: number
}

export interface RemovalStep {
  /** Letters, entries or tasks. */
  readonly removed: number
  readonly next: number | null
}
