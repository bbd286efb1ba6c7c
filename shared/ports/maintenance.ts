import type { RecordPosition } from './event-log.ts'
import type { Finding } from './finding.ts'
import type { ChangeToStore, OrderToStore } from './order-store.ts'
import type { Act, AuditEntry } from './redrives.ts'

/**
 * Operations on the whole read model: rebuilding its orders from the log alongside the live orders, starting a new
 * ledger epoch, and inspecting the store itself. Each call is one transaction unless its description says otherwise.
 *
 * A rebuild is carried out by one process, its `owner`, in steps. Each step renews a lease. If the owner dies, another
 * process may start over once the lease has expired. A step rejects with `conflict` if another process has taken over
 * the rebuild or ended it.
 */
export interface Maintenance {
  /**
   * Starts a rebuild: drops the tables that an earlier rebuild left behind, and creates empty tables alongside the live
   * ones. Writes an audit entry. Rejects with `conflict` while another owner's lease lasts, and while orders are being
   * archived or restored.
   */
  beginRebuild(step: RebuildStep, act: Act): Promise<Rebuild>

  /** The rebuild that is running or, if there is none, the most recent one. */
  getRebuild(): Promise<Rebuild | undefined>

  /**
   * Projects log records into the new tables. Data that the record alone does not contain comes from the live tables:
   * from which of its records an order was stored, when, and in what sequence. Returns for each record:
   * - `projected`: the live order comes from this record and is now in the new tables.
   * - `elsewhere`: its order was stored from another record, for example after an edit.
   * - `refused`: the live order comes from this record, but the order as the current code reads it violates a
   *   constraint of the tables.
   * - `archived`: its order or change is in an archive and stays there.
   * - `lost`: the group's ledger counted the record as stored, but the store does not have its order.
   * - `not-stored`: retried, dead, discarded, replaced, or not processed yet.
   *
   * An order is projected with the changes that were applied to it, as the current code folds them. Changes themselves
   * are not rebuilt, because the store keeps their events. A change is `projected` if it is known from this record,
   * `elsewhere` if it is known from another record, and otherwise `lost` or `not-stored`.
   */
  projectOrders(
    step: RebuildStep,
    groupId: string,
    events: readonly (OrderToStore | ChangeToStore)[],
  ): Promise<readonly RebuildOutcome[]>

  /**
   * Processes at most `limit` more live orders, in the order in which they were stored: copies those that no record
   * produced, and adds all of them to the full-text index. `orders` is the number of orders processed; fewer than
   * `limit` means that the end has been reached for now. `kept` is the number of copied orders that existed when the
   * rebuild started; the other copied orders have been stored since then, by the current code. `expired` is the number
   * of kept orders whose records have left the log.
   */
  completeOrders(
    step: RebuildStep,
    limit: number,
  ): Promise<{ readonly orders: number; readonly kept: number; readonly expired: number }>

  /** Completes the remaining orders and replaces the live tables with the new ones, in one transaction. */
  swapOrders(step: RebuildStep): Promise<Rebuild>

  /**
   * Drops the new tables; the live ones were never touched. Does nothing if the rebuild no longer belongs to `owner`.
   */
  abandonRebuild(owner: string, why: string, at: string): Promise<void>

  /**
   * Replaces a group's ledger with a new epoch, and deletes the old epoch's parked positions. Offsets between `first`
   * and `next` count as skipped, so that `ledger repair` processes them. Writes an audit entry.
   *
   * Deletion runs in steps, each in one transaction, and the last step starts the new epoch. If the reset stops
   * halfway, the old ledger is still there, but with fewer parked positions, so it does not balance. Resetting the
   * ledger again continues the deletion.
   */
  resetLedger(groupId: string, epoch: LedgerEpoch, act: Act): Promise<void>

  /** Writes an audit entry for an action that is carried out elsewhere, such as in the log. */
  recordAct(action: AuditEntry['action'], target: string, act: Act): Promise<void>

  /**
   * Lets `owner` repair a group's ledger, and writes an audit entry. Returns false while another owner's lease lasts,
   * so that only one instance repairs at a time.
   */
  beginRepair(lease: RepairLease, act: Act): Promise<boolean>

  /** Ends the lease of `owner`. Does nothing if another owner now has the lease. */
  endRepair(groupId: string, owner: string): Promise<void>

  /** Brings the schema up to date, as opening the store does, and returns every migration. */
  migrate(): Promise<Schema>

  /**
   * Findings for operators about the store itself, such as its version, damage, and the isolation of readers. Reads and
   * writes continue in the meantime.
   */
  inspect(): Promise<readonly Finding[]>
}

export interface RebuildStep {
  readonly owner: string
  /** RFC 3339. */
  readonly at: string
  /** The length of the lease: until it has passed, counted from `at`, no other owner may start a rebuild. */
  readonly leaseMs: number
  /** The offset at which each partition of the log begins. Records at earlier offsets have left the log. */
  readonly logStarts: readonly RecordPosition[]
  readonly progress: RebuildProgress
}

export type RebuildOutcome = 'projected' | 'elsewhere' | 'refused' | 'archived' | 'lost' | 'not-stored'

export interface RebuildProgress {
  readonly phase: 'projecting' | 'completing' | 'swapping'
  /** The number of log records read so far, and the number that the log had at the start. */
  readonly records: number
  readonly recordsInAll: number
  /** Orders rebuilt from their records. */
  readonly projected: number
  /** Orders that the store had lost and the log still had. */
  readonly restored: number
  /** Orders that are kept unchanged because their records are gone or the current code does not accept them. */
  readonly kept: number
  /** How many of the kept orders come from records that have left the log. */
  readonly expired: number
  /** Orders added to the full-text index so far. */
  readonly completed: number
}

/** Where a rebuild starts. */
export const NO_PROGRESS: RebuildProgress = {
  phase: 'projecting',
  records: 0,
  recordsInAll: 0,
  projected: 0,
  restored: 0,
  kept: 0,
  expired: 0,
  completed: 0,
}

export interface Rebuild extends RebuildProgress {
  /** `abandoned`: its process died, so another rebuild has to be started. */
  readonly state: 'running' | 'done' | 'failed' | 'abandoned'
  /** Why the rebuild failed, in words. */
  readonly why: string | null
  readonly startedAt: string
  readonly updatedAt: string
  readonly operator: string
}

export interface LedgerEpoch {
  readonly topic: string
  /** The id of the log that is counted from now on; null if the log has no id. */
  readonly logId: string | null
  readonly partitions: readonly {
    readonly partition: number
    /** The first offset of the log, and the offset that the group reads next. */
    readonly first: number
    readonly next: number
  }[]
}

export interface RepairLease {
  readonly groupId: string
  /** The topic whose records the ledger counts. It is also the target that the audit log shows. */
  readonly topic: string
  readonly owner: string
  readonly nowMs: number
  readonly leaseMs: number
}

export interface Schema {
  /** Ascending; the last one gives the version of the schema. */
  readonly migrations: readonly Migration[]
}

export interface Migration {
  readonly version: number
  readonly name: string
  /** RFC 3339. */
  readonly appliedAt: string
}
