/**
 * The ledger: for every partition of the orders topic, what became of each offset. Kept in the storing transaction
 * (`OrderStore.storeBatch`); this port reads it. It counts; it never decides what to skip.
 */
export interface Ledger {
  /** One consistent picture, read in one transaction: figures taken a moment apart would not add up under load. */
  read(groupId: string, maxGaps: number): Promise<LedgerSnapshot>
}

export interface LedgerSnapshot {
  /** The rows of the consumer group, in topic and partition order. */
  readonly partitions: readonly LedgerPartition[]
  /** Offsets that were passed over, ascending, at most `maxGaps` ranges; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** How many origins are parked, by state. */
  readonly parked: Readonly<Record<ParkedState, number>>
}

export type ParkedState = 'retrying' | 'stored' | 'duplicate' | 'dead' | 'discarded' | 'redriven'

export interface LedgerPartition {
  readonly topic: string
  readonly partition: number
  /** The first offset ever counted, and the one that is counted next. */
  readonly first: number
  readonly next: number
  readonly stored: number
  readonly duplicate: number
  readonly parked: number
  readonly gaps: number
  /** Of `stored` and `duplicate` and `parked`: records that were redriven, which no caller accepted anew. */
  readonly redriven: number
}

export interface LedgerGap {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}
