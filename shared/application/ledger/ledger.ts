import type { LedgerGap, LedgerLoss, LedgerPartition, LogBreak, ParkedState } from '../../ports/ledger.ts'

/**
 * The ledger's verdict: every record of the orders topic has exactly one outcome, and the figures show it:
 *
 *   next − first = stored + duplicate + parked + gaps + damaged + lost + absent − uncounted, for every partition
 *   end − next   = still to come + uncounted
 *   records      = end − first − absent
 *   accepted     = records − redriven records, which no caller sent
 *
 * Uncounted offsets are skipped offsets at or beyond `next`. They will never be delivered, and they are included in
 * `gaps`, `damaged`, `lost` and `absent`. Records that leave the log after they were counted keep their outcome;
 * `expired` counts them.
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
  /**
   * Skipped offsets at which the log has records, one by one, in ascending order; at most 100 together with `damaged`.
   * `to` is exclusive.
   */
  readonly gaps: readonly LedgerGap[]
  /** Offsets that were skipped and cannot be read: damaged records, or batches that cannot be decoded. */
  readonly damaged: readonly LedgerGap[]
  /** Offsets that were lost before they were counted, at most 100 ranges. */
  readonly lost: readonly LedgerLoss[]
  /** How the log differs from the log that the ledger counted; null if they seem to be the same. */
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
  /** Records that were skipped and can no longer be read. */
  readonly damaged: number
  readonly lost: number
  /** Offsets that never held a record, such as those of transaction markers. */
  readonly absent: number
  /** Offsets that were counted and have since left the log. The other figures include these offsets too. */
  readonly expired: number
  readonly toCome: number
  /** Offsets that cannot be read until an open transaction ends; not part of any other figure. */
  readonly behindTransaction: number
}

/** One partition. The totals are the sums of these figures. */
export interface LedgerLine extends LedgerPartition {
  readonly damaged: number
  readonly expired: number
  /** The offset that the next record in the log will get. */
  readonly end: number
  readonly toCome: number
  readonly balanced: boolean
}
