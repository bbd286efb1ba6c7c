/**
 * The ledger: for every partition of the orders topic, what became of each offset. Counted in the storing transaction
 * (`OrderStore.storeBatch`); this port reads it, and settles what the log says of offsets that were passed over. It counts;
 * it never decides what to skip.
 */
export interface Ledger {
  /** One consistent picture, read in one transaction: figures taken a moment apart would not add up under load. */
  read(groupId: string, maxGaps: number): Promise<LedgerSnapshot>

  /**
   * Begins to count partitions that have no row yet, each where the log begins. So records that leave the log before the
   * first of their partition was counted are missed. Those that have a row keep it. `logId` is the log's own id, if it has
   * one: the ledger keeps the first that it is told.
   */
  begin(groupId: string, topic: string, starts: ReadonlyMap<number, number>, logId: string | null): Promise<void>

  /**
   * Notes that another log took the place of the one that was counted, or that it was truncated. It stays noted, however
   * long the log grows, until the ledger is reset (`Maintenance.resetLedger`). False when it was noted before.
   */
  markBroken(groupId: string, topic: string, brokenBy: LogBreak): Promise<boolean>

  /**
   * Settles offsets that were passed over, in one transaction: as absent (`lostBy: null`) or as lost. What was counted or
   * settled meanwhile stays as it is. A lost range may go beyond `next`: the ledger then goes on behind it, because
   * nothing before it can come any more. Returns what is newly lost, so that one process tells it once.
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
}

export interface CountedLog {
  readonly topic: string
  /** Null where the log has no id, or nobody has told it yet. */
  readonly id: string | null
  readonly brokenBy: LogBreak | null
}

/** `replaced`: another log is there. `truncated`: it ended before what was counted. */
export type LogBreak = 'replaced' | 'truncated'

export type ParkedState = 'retrying' | 'stored' | 'duplicate' | 'dead' | 'discarded' | 'redriven'

/** `next − first = stored + duplicate + parked + gaps + absent + lost`. */
export interface LedgerPartition {
  readonly topic: string
  readonly partition: number
  /** The first offset ever counted, and the one that is counted next. */
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
  /** Of `stored` and `duplicate` and `parked`: records that were redriven, which no caller accepted anew. */
  readonly redriven: number
}

export interface LedgerGap {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/**
 * `log-start`: the log begins after them, so retention or somebody's DeleteRecords took them. `hole`: they are missing
 * within a log that is compacted, or has no transactions, so that nobody can say that they were never records.
 */
export type LossCause = 'log-start' | 'hole'

export interface LedgerLoss extends LedgerGap {
  readonly lostBy: LossCause
}

export interface LedgerSettlement extends LedgerGap {
  readonly lostBy: LossCause | null
}
