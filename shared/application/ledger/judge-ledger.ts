import type { LedgerGap } from '../../ports/ledger.ts'
import type { ExaminedLine, ExamineLedger, LedgerExamination } from './examine-ledger.ts'
import { faultsIn } from './ledger-faults.ts'
import { lengthOf, MAX_NAMED } from './ledger-gaps.ts'
import type { LedgerLine, LedgerTotals, LedgerVerdict } from './ledger.ts'

export function createLedgerVerdict(examineLedger: ExamineLedger): () => Promise<LedgerVerdict> {
  return async function ledgerVerdict() {
    return judge(await examineLedger())
  }
}

function judge({ snapshot, lines, brokenBy, unsettled, gaps, damaged }: LedgerExamination): LedgerVerdict {
  const { parked, waiting } = snapshot
  const newlyLost = unsettled.flatMap((range) => (range.lostBy === null ? [] : [{ ...range, lostBy: range.lostBy }]))
  const newlyAbsent = unsettled.filter(({ lostBy }) => lostBy === null)
  const partitions = lines.map((line) => toLine(line, { damaged, newlyLost, newlyAbsent }))
  const sum = (name: keyof LedgerLine & keyof LedgerTotals) => partitions.reduce((total, line) => total + line[name], 0)
  const absent = sum('absent')
  // The ledger may have counted more records than a truncated or recreated log contains. The faults below report
  // that case.
  const offsets = partitions.reduce((total, { first, end }) => total + Math.max(0, end - first), 0)
  const records = Math.max(0, offsets - absent)
  const redriven = sum('redriven')
  const totals: LedgerTotals = {
    records,
    accepted: Math.max(0, records - redriven),
    redriven,
    stored: sum('stored'),
    duplicate: sum('duplicate'),
    parked: sum('parked'),
    gaps: sum('gaps'),
    damaged: sum('damaged'),
    lost: sum('lost'),
    absent,
    expired: sum('expired'),
    toCome: sum('toCome'),
    behindTransaction: lines.reduce((total, line) => total + line.behindTransaction, 0),
  }
  const lost = [...snapshot.lost, ...newlyLost].slice(0, MAX_NAMED)
  const faults = faultsIn({ partitions, totals, parked, waiting, gaps, damaged, lost, brokenBy })
  const summary = faults.length === 0 ? balancedSummary(totals, parked, waiting) : `Not balanced: ${faults.join('; ')}.`
  return { balanced: faults.length === 0, summary, totals, parked, waiting, partitions, gaps, damaged, lost, brokenBy }
}

/** Classifies the store's gaps by what the log contains now. */
function toLine(
  { row, end, uncounted, expired }: ExaminedLine,
  found: Readonly<Record<'damaged' | 'newlyLost' | 'newlyAbsent', readonly LedgerGap[]>>,
): LedgerLine {
  const here = (ranges: readonly LedgerGap[]) =>
    lengthOf(ranges.filter(({ topic, partition }) => topic === row.topic && partition === row.partition))
  const [damaged, lostNow, absentNow] = [here(found.damaged), here(found.newlyLost), here(found.newlyAbsent)]
  const toCome = end - row.next - uncounted
  const counted = row.stored + row.duplicate + row.parked + row.gaps + row.absent + row.lost
  return {
    ...row,
    gaps: row.gaps + uncounted - damaged - lostNow - absentNow,
    damaged,
    absent: row.absent + absentNow,
    lost: row.lost + lostNow,
    expired,
    end,
    toCome,
    balanced: row.next - row.first === counted && toCome >= 0,
  }
}

function balancedSummary(totals: LedgerTotals, parked: LedgerVerdict['parked'], waiting: number): string {
  const states = Object.entries(parked)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
  const behind =
    totals.behindTransaction === 0 ? '' : ` ${totals.behindTransaction} more wait behind an open transaction.`
  const changes =
    waiting === 0
      ? ''
      : ` ${waiting} stored ${waiting === 1 ? 'change waits' : 'changes wait'} for an earlier event of the order.`
  const left = totals.expired === 0 ? '' : ` ${totals.expired} of the counted offsets have since left the log.`
  const where = states.length === 0 ? '' : ` (${states.join(', ')})`
  return `Balanced: ${totals.records} records = ${totals.stored} stored + ${totals.duplicate} duplicate + ${totals.parked} parked${where} + ${totals.toCome} still to come.${left}${changes}${behind}`
}
