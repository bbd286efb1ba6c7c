import type { Finding } from './finding.ts'
import type { ChangeToStore, OrderToStore } from './order-store.ts'
import type { Act, AuditEntry } from './redrives.ts'

/**
 * The read model as a whole: rebuilding its orders from the log beside the live ones, beginning a new epoch of the ledger,
 * and the state of the store itself. Each call is one transaction.
 *
 * A rebuild is carried out by one process, its `owner`, in steps. Each step renews a lease. If the owner dies, another
 * process may start over once the lease has ended. A step rejects with `conflict` if its owner has lost the rebuild.
 */
export interface Maintenance {
  /**
   * Begins a rebuild: drops the tables that an earlier one left, and creates empty ones beside the live ones. Writes a line
   * of the audit. Rejects with `conflict` while another owner's lease lasts.
   */
  beginRebuild(step: RebuildStep, act: Act): Promise<Rebuild>

  /** The running rebuild, or else the last one. */
  getRebuild(): Promise<Rebuild | undefined>

  /**
   * Projects records of the log into the new tables. What a record alone does not show is taken from the live tables: which
   * of an order's records stored it, when, and in what sequence. Answers for each:
   * - `projected`: the live order is from this record; it is now in the new tables.
   * - `elsewhere`: its order is stored from another record, as after an edit.
   * - `refused`: the live order is from this record, but the tables do not allow it as today's code reads it.
   * - `lost`: the group's ledger says that it was stored, but the store does not have its order.
   * - `not-stored`: retried, dead, discarded, replaced, or not processed yet.
   *
   * An order is projected with the changes that were applied to it, as today's code folds them. Changes themselves are not
   * rebuilt, because the store keeps their events: a change is `projected` if it is known from this record, `elsewhere` if
   * from another one, `lost` or `not-stored`.
   */
  projectOrders(
    step: RebuildStep,
    groupId: string,
    events: readonly (OrderToStore | ChangeToStore)[],
  ): Promise<readonly RebuildOutcome[]>

  /**
   * Goes through at most `limit` more live orders, in the order in which they were stored: copies those that no record
   * made, and puts all of them into the full-text index. Answers how many it went through; fewer than `limit` means that
   * it has reached the end for now. `kept` existed when the rebuild began; the rest was stored meanwhile by today's code.
   */
  completeOrders(step: RebuildStep, limit: number): Promise<{ readonly orders: number; readonly kept: number }>

  /** Completes the remaining orders and replaces the live tables by the new ones, in one transaction. */
  swapOrders(step: RebuildStep): Promise<Rebuild>

  /** Drops the new tables; the live ones were never touched. Does nothing if `owner` has lost the rebuild. */
  abandonRebuild(owner: string, why: string, at: string): Promise<void>

  /**
   * Replaces the ledger of a group by a new epoch, and deletes the old one's parked places. Offsets between `first` and
   * `next` count as passed over, for `ledger repair`. Writes a line of the audit.
   *
   * It deletes in steps, each one transaction, and the last of them begins the new epoch. If it ends halfway, the old
   * ledger remains with fewer parked places: it does not balance, and another reset continues.
   */
  resetLedger(groupId: string, epoch: LedgerEpoch, act: Act): Promise<void>

  /** Writes a line of the audit for an act that is carried out elsewhere, such as in the log. */
  recordAct(action: AuditEntry['action'], target: string, act: Act): Promise<void>

  /**
   * Lets `owner` repair the ledger of a group, and writes a line of the audit. False while another owner's lease lasts, so
   * that only one of several instances repairs.
   */
  beginRepair(lease: RepairLease, act: Act): Promise<boolean>

  /** Ends the lease of `owner`. Does nothing if another owner has it by now. */
  endRepair(groupId: string, owner: string): Promise<void>

  /** Brings the schema up to date, as opening the store does; returns every migration. */
  migrate(): Promise<Schema>

  /**
   * Findings about the store itself for operators: its version, damage, the isolation of readers, … Reading and writing go
   * on meanwhile.
   */
  inspect(): Promise<readonly Finding[]>
}

export interface RebuildStep {
  readonly owner: string
  /** RFC 3339. */
  readonly at: string
  /** How long nobody else may begin a rebuild, counted from `at`. */
  readonly leaseMs: number
  readonly progress: RebuildProgress
}

export type RebuildOutcome = 'projected' | 'elsewhere' | 'refused' | 'lost' | 'not-stored'

export interface RebuildProgress {
  readonly phase: 'projecting' | 'completing' | 'swapping'
  /** Records of the log that were read, and how many there were at the beginning. */
  readonly records: number
  readonly recordsInAll: number
  /** Orders rebuilt from their records. */
  readonly projected: number
  /** Orders that the store had lost and the log still had. */
  readonly restored: number
  /** Orders kept as they were, because their record is gone or today's code does not accept it. */
  readonly kept: number
  /** Orders that are in the full-text index so far. */
  readonly completed: number
}

export interface Rebuild extends RebuildProgress {
  /** `abandoned`: its process died; start another rebuild. */
  readonly state: 'running' | 'done' | 'failed' | 'abandoned'
  /** Why it failed, in words. */
  readonly why: string | null
  readonly startedAt: string
  readonly updatedAt: string
  readonly operator: string
}

export interface LedgerEpoch {
  readonly topic: string
  /** The id of the log that is counted from now on; null if it has none. */
  readonly logId: string | null
  readonly partitions: readonly {
    readonly partition: number
    /** Where the log begins, and where the group reads next. */
    readonly first: number
    readonly next: number
  }[]
}

export interface RepairLease {
  readonly groupId: string
  /** The topic of the ledger; the target in the audit. */
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
