import type { LedgerGap, LedgerLoss, LedgerPartition, LogBreak, ParkedState } from '../../ports/ledger.ts'

/**
 * The ledger's verdict: every record of the orders topic has exactly one outcome, and the figures say so:
 *
 *   next − first = stored + duplicate + parked + gaps + damaged + lost + absent, for every partition
 *   end − next   = still to come, less what can't come any more without having been counted: that was passed over too
 *   records      = end − first − absent
 *   accepted     = records − redriven ones, which no caller accepted anew
 */
export interface LedgerVerdict {
  readonly balanced: boolean
  /** One sentence. */
  readonly summary: string
  readonly totals: LedgerTotals
  readonly parked: Readonly<Record<ParkedState, number>>
  readonly partitions: readonly LedgerLine[]
  /** What was passed over though the log has it, ascending, one by one; with `damaged` at most 100. `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** Passed over, and the log cannot give it: damaged records, or batches that cannot be decoded. */
  readonly damaged: readonly LedgerGap[]
  /** Offsets that left the log before they were counted, at most 100 ranges. */
  readonly lost: readonly LedgerLoss[]
  /** Why the log is not the one that was counted; null when it is, as far as anybody can tell. */
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
  /** Records that were passed over and cannot be read any more. */
  readonly damaged: number
  readonly lost: number
  /** Offsets that never were records, such as transaction markers. */
  readonly absent: number
  readonly toCome: number
  /** Offsets behind a transaction that is open, which can be read only when it ends; not part of any other figure. */
  readonly behindTransaction: number
}

/** One partition. Its figures are what the totals are the sums of. */
export interface LedgerLine extends LedgerPartition {
  readonly damaged: number
  /** The offset that the next record of the log will get. */
  readonly end: number
  readonly toCome: number
  readonly balanced: boolean
}
