/**
 * The ledger: for every partition of the orders topic, what became of each offset. Kept in the storing transaction
 * (`OrderStore.storeBatch`); this port reads it. It counts; it never decides what to skip.
 */
export interface Ledger {
  /** The rows of a consumer group, in topic and partition order. */
  partitions(groupId: string): Promise<readonly LedgerPartition[]>

  /** Offsets that were passed over, ascending, at most `limit` ranges; `to` is exclusive. */
  gaps(groupId: string, limit: number): Promise<readonly LedgerGap[]>

  /** How many origins are parked, by state. */
  parked(): Promise<Readonly<Record<ParkedState, number>>>
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
