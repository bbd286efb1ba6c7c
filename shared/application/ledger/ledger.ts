import type { LedgerGap, LedgerLoss, LedgerPartition, LogBreak, ParkedState } from '../../ports/ledger.ts'

/**
 * The ledger's verdict: every record of the orders topic has exactly one outcome, and the figures say so:
 *
 *   next − first = stored + duplicate + parked + gaps + damaged + lost + absent, for every partition
 *   end − next   = still to come, less offsets that will never be delivered and were not counted: they were passed over
 *   records      = end − first − absent
 *   accepted     = records − redriven ones, which no caller sent
 */
export interface LedgerVerdict {
  readonly balanced: boolean
  /** One sentence. */
  readonly summary: string
  readonly totals: LedgerTotals
  readonly parked: Readonly<Record<ParkedState, number>>
  /** How many of the stored records are changes that wait for an earlier event of their order. */
  readonly waiting: number
  readonly partitions: readonly LedgerLine[]
  /** Offsets that were passed over though the log has them, one by one, ascending; with `damaged` at most 100. `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** Offsets that were passed over and cannot be read: damaged records, or batches that cannot be decoded. */
  readonly damaged: readonly LedgerGap[]
  /** Offsets that left the log before they were counted, at most 100 ranges. */
  readonly lost: readonly LedgerLoss[]
  /** Why the log is not the one that was counted; null if it seems to be the same. */
  readonly brokenBy: LogBreak | null
}

export interface LedgerTotals {
  readonly records: number
  readonly accepted: number
  readonly redriven: number
  readonly stored: number
  readonly duplicate: number
  readonly parked: number
  readonly gaps: number
  /** Records that were passed over and can no longer be read. */
  readonly damaged: number
  readonly lost: number
  /** Offsets that never were records, such as transaction markers. */
  readonly absent: number
  readonly toCome: number
  /** Offsets behind an open transaction, which cannot be read before it ends; not part of any other figure. */
  readonly behindTransaction: number
}

/** One partition. The totals are the sums of these figures. */
export interface LedgerLine extends LedgerPartition {
  readonly damaged: number
  /** The offset that the next record of the log will get. */
  readonly end: number
  readonly toCome: number
  readonly balanced: boolean
}
