/**
 * The ledger: the outcome of each offset, for every partition of the orders topic. It is counted in the storing
 * transaction (`OrderStore.storeBatch`). This port reads it, and settles offsets that were passed over by what the log
 * says about them. It counts; it never decides what to skip.
 */
export interface Ledger {
  /** One consistent picture, read in one transaction, because figures taken a moment apart would not add up under load. */
  read(groupId: string, maxGaps: number): Promise<LedgerSnapshot>

  /**
   * Begins to count partitions that have no row yet, each where the log begins, so that records are noticed as lost if they
   * leave the log before the first one is counted. Existing rows stay. `logId` is the log's own id, if it has one; the
   * ledger keeps the first that it gets.
   */
  begin(groupId: string, topic: string, starts: ReadonlyMap<number, number>, logId: string | null): Promise<void>

  /**
   * Notes that the log that was counted was replaced or truncated. The note stays, however long the log grows, until the
   * ledger is reset (`Maintenance.resetLedger`). False if it was noted before.
   */
  markBroken(groupId: string, topic: string, brokenBy: LogBreak): Promise<boolean>

  /**
   * Settles offsets that were passed over, in one transaction: as absent (`lostBy: null`) or as lost. Offsets that were
   * counted or settled meanwhile stay as they are. A lost range may go beyond `next`: the ledger then continues after
   * it, because nothing before it can be delivered any more. Returns the newly lost ranges, so that one process reports
   * each once.
   */
  settle(groupId: string, settlements: readonly LedgerSettlement[]): Promise<readonly LedgerLoss[]>
}

export interface LedgerSnapshot {
  /** The rows of the consumer group, in topic and partition order. */
  readonly partitions: readonly LedgerPartition[]
  /** The logs that were counted, by topic. */
  readonly logs: readonly CountedLog[]
  /** Offsets that were passed over and are not settled, ascending, at most `maxGaps` ranges; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** Offsets that were settled as lost, ascending, at most `maxGaps` ranges. */
  readonly lost: readonly LedgerLoss[]
  /** How many origins are parked, by state. */
  readonly parked: Readonly<Record<ParkedState, number>>
  /** How many changes wait for an earlier event of their order. Their records count as `stored`. */
  readonly waiting: number
}

export interface CountedLog {
  readonly topic: string
  /** Null if the log has no id, or the ledger has not got it yet. */
  readonly id: string | null
  readonly brokenBy: LogBreak | null
}

/** `replaced`: another log is in its place. `truncated`: it ended before the last counted offset. */
export type LogBreak = 'replaced' | 'truncated'

export type ParkedState = 'retrying' | 'stored' | 'duplicate' | 'dead' | 'discarded' | 'redriven'

/** `next − first = stored + duplicate + parked + gaps + absent + lost`. */
export interface LedgerPartition {
  readonly topic: string
  readonly partition: number
  /** The first offset that was counted, and the next one to count. */
  readonly first: number
  readonly next: number
  readonly stored: number
  readonly duplicate: number
  readonly parked: number
  /** Passed over, and not settled yet. */
  readonly gaps: number
  /** Never records: transaction markers and records of aborted transactions. */
  readonly absent: number
  /** Left the log before they were counted. */
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
 * `log-start`: the log begins after them, because of retention or a DeleteRecords request. `hole`: they are missing within
 * a log that is compacted or has no transactions, so they may have been records.
 */
export type LossCause = 'log-start' | 'hole'

export interface LedgerLoss extends LedgerGap {
  readonly lostBy: LossCause
}

export interface LedgerSettlement extends LedgerGap {
  readonly lostBy: LossCause | null
}
