import type { Finding } from './finding.ts'
import type { OrderToStore } from './order-store.ts'
import type { Act, AuditEntry } from './redrives.ts'

/**
 * The read model as a whole: making its orders again from the log beside the live ones, beginning a new epoch of the
 * ledger, and what state the store itself is in. Each call is one transaction.
 *
 * A rebuild is carried out by one process, its `owner`, in steps. Each step renews a lease; when its owner died, another
 * may begin anew once the lease is over. A step rejects with `conflict` when the rebuild is not its owner's any more.
 */
export interface Maintenance {
  /**
   * Begins: empty tables of orders beside the live ones, after what an earlier one left there is dropped; a line in the
   * audit. Rejects with `conflict` while another owner's lease lasts.
   */
  beginRebuild(step: RebuildStep, act: Act): Promise<Rebuild>

  /** The rebuild that runs, or else the last one. */
  getRebuild(): Promise<Rebuild | undefined>

  /**
   * Projects records of the log into the new tables. What a record alone does not tell stays as it is in the live
   * tables: which of several records of an order stored it, when, and in what order. Says of each:
   * - `projected`: the live order is from this very record; it is in the new tables now.
   * - `elsewhere`: its order is stored from another record, as after an edit.
   * - `refused`: the live order is from this record, which the tables do not allow as it reads today.
   * - `lost`: by the ledger of the group it was stored, but the store does not have its order.
   * - `not-stored`: retried, dead, discarded, replaced, or not processed yet.
   */
  projectOrders(step: RebuildStep, groupId: string, orders: readonly OrderToStore[]): Promise<readonly RebuildOutcome[]>

  /**
   * Goes on through the live orders in the order of storing, at most `limit` of them: those that no record made are
   * copied as they are, all of them get into the full-text index. Says how many it went through; fewer than `limit` is
   * the end for now. `kept` were there when the rebuild began; the rest was stored meanwhile, by today's code.
   */
  completeOrders(step: RebuildStep, limit: number): Promise<{ readonly orders: number; readonly kept: number }>

  /** Completes what is left and puts the new tables in the place of the live ones, in one transaction. */
  swapOrders(step: RebuildStep): Promise<Rebuild>

  /** Gives up: the new tables go, the live ones were never touched. Does nothing when it is not `owner`'s any more. */
  abandonRebuild(owner: string, why: string, at: string): Promise<void>

  /**
   * Replaces the ledger of a group by a new epoch, and forgets which places of the old one were parked; what lies
   * between `first` and `next` counts as passed over, for `ledger repair`. Writes a line of the audit.
   *
   * It forgets in steps, each one transaction, and the last of them begins the new epoch. When it ends halfway, the old
   * ledger is there and remembers less: it does not balance, and another reset goes on.
   */
  resetLedger(groupId: string, epoch: LedgerEpoch, act: Act): Promise<void>

  /** Writes a line of the audit for an act that is carried out elsewhere, in the log. */
  recordAct(action: AuditEntry['action'], target: string, act: Act): Promise<void>

  /**
   * Lets `owner` repair the ledger of a group, and writes a line of the audit; false while another owner's lease lasts.
   * So of several instances one repairs.
   */
  beginRepair(lease: RepairLease, act: Act): Promise<boolean>

  /** Ends the lease of `owner`. Does nothing when it is another's by now. */
  endRepair(groupId: string, owner: string): Promise<void>

  /** Brings the schema up to date, which opening the store does too; answers every migration. */
  migrate(): Promise<Schema>

  /**
   * What the store says of itself that an operator would want to know: its version, damage that was found, how readers
   * are isolated, … Reading and writing go on meanwhile.
   */
  inspect(): Promise<readonly Finding[]>
}

export interface RebuildStep {
  readonly owner: string
  /** RFC 3339. */
  readonly at: string
  /** How long nobody else begins one, from `at`. */
  readonly leaseMs: number
  readonly progress: RebuildProgress
}

export type RebuildOutcome = 'projected' | 'elsewhere' | 'refused' | 'lost' | 'not-stored'

export interface RebuildProgress {
  readonly phase: 'projecting' | 'completing' | 'swapping'
  /** Records of the log that were read, and all that there were at the beginning. */
  readonly records: number
  readonly recordsInAll: number
  /** Orders made again from their records. */
  readonly projected: number
  /** Orders that the log had and the store had lost. */
  readonly restored: number
  /** Orders kept as they were: their record is gone, or today's code does not take it. */
  readonly kept: number
  /** Orders in the full-text index, as far as it has come. */
  readonly completed: number
}

export interface Rebuild extends RebuildProgress {
  /** `abandoned`: its process died; begin another. */
  readonly state: 'running' | 'done' | 'failed' | 'abandoned'
  /** Why it failed, in words. */
  readonly why: string | null
  readonly startedAt: string
  readonly updatedAt: string
  readonly operator: string
}

export interface LedgerEpoch {
  readonly topic: string
  /** Of the log that is counted from now on; null where it has none. */
  readonly logId: string | null
  readonly partitions: readonly {
    readonly partition: number
    /** Where the log begins, and what the group reads next. */
    readonly first: number
    readonly next: number
  }[]
}

export interface RepairLease {
  readonly groupId: string
  /** Whose ledger it is: the audit's target. */
  readonly topic: string
  readonly owner: string
  readonly nowMs: number
  readonly leaseMs: number
}

export interface Schema {
  /** Ascending; the last one is the version of the schema. */
  readonly migrations: readonly Migration[]
}

export interface Migration {
  readonly version: number
  readonly name: string
  /** RFC 3339. */
  readonly appliedAt: string
}
