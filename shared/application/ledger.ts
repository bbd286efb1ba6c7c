import type { EventLog, PartitionOffsets } from '../ports/event-log.ts'
import type { Ledger, LedgerGap, LedgerPartition, ParkedState } from '../ports/ledger.ts'
import { committedUncounted, MAX_RANGES, tellApart, type PassedOver } from './ledger-gaps.ts'

/**
 * The ledger's verdict: every record of the orders topic has exactly one outcome, and the figures say so:
 *
 *   next − first = stored + duplicate + parked + gaps, for every partition
 *   end − next   = still to come, less what is committed without having been counted: that was passed over too
 *   records      = end − first, less the offsets of gaps that the log does not have
 *   accepted     = records − redriven ones, which no caller accepted anew
 */
export interface LedgerVerdict {
  readonly balanced: boolean
  /** One sentence. */
  readonly summary: string
  readonly totals: LedgerTotals
  readonly parked: Readonly<Record<ParkedState, number>>
  readonly partitions: readonly LedgerLine[]
  /** Offsets that were passed over though the log has them, ascending, at most 100; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
}

export interface LedgerTotals {
  readonly records: number
  readonly accepted: number
  readonly redriven: number
  readonly stored: number
  readonly duplicate: number
  readonly parked: number
  readonly gaps: number
  readonly toCome: number
}

export interface LedgerLine extends LedgerPartition {
  /** The offset that the next record of the log will get. */
  readonly end: number
  readonly toCome: number
  readonly balanced: boolean
}

export function createLedgerVerdict(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read'>
  ledger: Ledger
  topic: string
  groupId: string
}): () => Promise<LedgerVerdict> {
  const { log, ledger, topic, groupId } = dependencies

  return async function ledgerVerdict() {
    // In this order: what is committed was counted before, and what is published meanwhile is still to come.
    const committed = await log.committed(groupId, topic)
    const { partitions: rows, parked, gaps: passedOver } = await ledger.read(groupId, MAX_RANGES)
    const offsets = await log.offsets(topic)
    const uncounted = committedUncounted(topic, rows, offsets, committed)
    const partitions = toLines(topic, rows, offsets, uncounted)
    const ranges = [...passedOver, ...uncounted]
    return judge(partitions, parked, lengthOf(uncounted), await tellApart(log, ranges))
  }
}

function toLines(
  topic: string,
  rows: readonly LedgerPartition[],
  offsets: readonly PartitionOffsets[],
  uncounted: readonly LedgerGap[],
): LedgerLine[] {
  const known = new Map(rows.filter((row) => row.topic === topic).map((row) => [row.partition, row]))
  const ends = new Map(offsets.map((place) => [place.partition, place]))
  const ofNoOutcome = new Map(uncounted.map(({ partition, from, to }) => [partition, to - from]))
  const partitions = new Set([...ends.keys(), ...known.keys()])
  return [...partitions]
    .toSorted((one, other) => one - other)
    .map((partition) => {
      const place = ends.get(partition)
      const row = known.get(partition) ?? nothingYet(topic, partition, place?.first ?? 0)
      const end = place?.end ?? 0
      const toCome = end - row.next - (ofNoOutcome.get(partition) ?? 0)
      const counted = row.stored + row.duplicate + row.parked + row.gaps
      return { ...row, end, toCome, balanced: row.next - row.first === counted && toCome >= 0 }
    })
}

function nothingYet(topic: string, partition: number, first: number): LedgerPartition {
  return { topic, partition, first, next: first, stored: 0, duplicate: 0, parked: 0, gaps: 0, redriven: 0 }
}

function judge(
  partitions: readonly LedgerLine[],
  parked: LedgerVerdict['parked'],
  uncounted: number,
  { gaps, absent }: PassedOver,
): LedgerVerdict {
  const sum = (value: (line: LedgerLine) => number) => partitions.reduce((total, line) => total + value(line), 0)
  const records = sum(({ end, first }) => end - first) - absent
  const redriven = sum((line) => line.redriven)
  const totals: LedgerTotals = {
    records,
    accepted: records - redriven,
    redriven,
    stored: sum((line) => line.stored),
    duplicate: sum((line) => line.duplicate),
    parked: sum((line) => line.parked),
    gaps: sum((line) => line.gaps) + uncounted - absent,
    toCome: sum((line) => line.toCome),
  }
  const faults = faultsOf(partitions, totals, parked, gaps)
  const summary = faults.length === 0 ? balancedSummary(totals, parked) : `Not balanced: ${faults.join('; ')}.`
  return { balanced: faults.length === 0, summary, totals, parked, partitions, gaps }
}

function faultsOf(
  partitions: readonly LedgerLine[],
  totals: LedgerTotals,
  parked: LedgerVerdict['parked'],
  gaps: readonly LedgerGap[],
): string[] {
  const faults = partitions.flatMap((line) => {
    const where = `partition ${line.partition} of ${line.topic}`
    if (line.toCome < 0) {
      return [`${where} ends at ${line.end}, before ${line.next}: the log was truncated or made anew`]
    }
    return line.balanced ? [] : [`the figures of ${where} do not add up`]
  })
  if (totals.gaps > 0) {
    const places = gaps.slice(0, 10).map(({ partition, from }) => `${partition}:${from}`)
    const more = totals.gaps > places.length ? ', …' : ''
    faults.push(
      `${totals.gaps === 1 ? '1 record was' : `${totals.gaps} records were`} passed over, at ${places.join(', ')}${more}`,
    )
  }
  const parkedOrigins = Object.values(parked).reduce((total, count) => total + count, 0)
  if (parkedOrigins !== totals.parked) {
    faults.push(`${totals.parked} records were parked, but the state of ${parkedOrigins} is known`)
  }
  return faults
}

function lengthOf(ranges: readonly LedgerGap[]): number {
  return ranges.reduce((total, { from, to }) => total + to - from, 0)
}

function balancedSummary(totals: LedgerTotals, parked: LedgerVerdict['parked']): string {
  const states = Object.entries(parked)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
  const where = states.length === 0 ? '' : ` (${states.join(', ')})`
  return `Balanced: ${totals.records} records = ${totals.stored} stored + ${totals.duplicate} duplicate + ${totals.parked} parked${where} + ${totals.toCome} still to come.`
}
