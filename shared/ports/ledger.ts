/**
 * The ledger: the outcome of each offset, for every partition of the orders topic. The transaction that stores a batch
 * also counts its offsets (`OrderStore.storeBatch`). This port reads the ledger, and settles skipped offsets once the
 * log has shown what became of them. The ledger only counts; it never decides which offsets to skip.
 */
export interface Ledger {
  /**
   * A consistent snapshot, read in one transaction, because figures taken a moment apart would not add up under load.
   * It leaves out other topics that the group has read, under earlier values of ORDERS_TOPIC.
   */
  read(groupId: string, topic: string, maxGaps: number): Promise<LedgerSnapshot>

  /**
   * Starts counting partitions that have no row yet. Counting begins at the first offset in the log, so records that
   * leave the log before the first count are recognised as lost. Existing rows are kept. `logId` is the log's own id,
   * if it has one; the ledger keeps the first id that it gets.
   */
  begin(groupId: string, topic: string, starts: ReadonlyMap<number, number>, logId: string | null): Promise<void>

  /**
   * Marks the ledger's log as replaced or truncated. The mark stays until the ledger is reset
   * (`Maintenance.resetLedger`), even if the log grows again. Returns false if the break was already recorded.
   */
  markBroken(groupId: string, topic: string, brokenBy: LogBreak): Promise<boolean>

  /**
   * Settles skipped offsets as absent (`lostBy: null`) or as lost, in one transaction. Offsets that were counted or
   * settled in the meantime stay unchanged. A lost range may extend beyond `next`: the ledger then continues after the
   * range, because nothing before its end can be delivered any more. Returns the newly lost ranges, so that each range
   * is reported once, by one process.
   */
  settle(groupId: string, settlements: readonly LedgerSettlement[]): Promise<readonly LedgerLoss[]>
}

export interface LedgerSnapshot {
  /** The rows of the consumer group and the topic, in partition order. */
  readonly partitions: readonly LedgerPartition[]
  /** The log whose offsets are counted; empty if none has been counted yet. */
  readonly logs: readonly CountedLog[]
  /** Offsets that were skipped and are not settled, ascending, at most `maxGaps` ranges; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** Offsets settled as lost, ascending, at most `maxGaps` ranges. */
  readonly lost: readonly LedgerLoss[]
  /** How many origins are parked, by state. */
  readonly parked: Readonly<Record<ParkedState, number>>
  /** How many changes are waiting for an earlier event of their order. Their records count as `stored`. */
  readonly waiting: number
}

export interface CountedLog {
  readonly topic: string
  /** Null if the log has no id, or the ledger has not received it yet. */
  readonly id: string | null
  readonly brokenBy: LogBreak | null
}

/**
 * `replaced`: there is now another log under the same name. `truncated`: the log now ends before the last offset that
 * was counted.
 */
export type LogBreak = 'replaced' | 'truncated'

export type ParkedState = 'retrying' | 'stored' | 'duplicate' | 'dead' | 'discarded' | 'redriven'

/** `next − first = stored + duplicate + parked + gaps + absent + lost`. */
export interface LedgerPartition {
  readonly topic: string
  readonly partition: number
  /** The first counted offset, and the next offset to count. */
  readonly first: number
  readonly next: number
  readonly stored: number
  readonly duplicate: number
  readonly parked: number
  /** Offsets that were skipped and are not settled yet. */
  readonly gaps: number
  /** Offsets that hold only a transaction marker or an aborted record. */
  readonly absent: number
  /** Offsets that were removed from the log before they were counted. */
  readonly lost: number
  /** How many of `stored`, `duplicate` and `parked` were redriven records, which no caller sent. */
  readonly redriven: number
}

export interface LedgerGap {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/**
 * `log-start`: the log starts after these offsets, because of retention or a DeleteRecords request. `hole`: the offsets
 * are missing within a log that is compacted or has no transactions, so they may have held records.
 */
export type LossCause = 'log-start' | 'hole'

export interface LedgerLoss extends LedgerGap {
  readonly lostBy: LossCause
}

export interface LedgerSettlement extends LedgerGap {
  readonly lostBy: LossCause | null
}
