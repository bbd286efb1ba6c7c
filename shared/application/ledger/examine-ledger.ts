import type { EventLog, PartitionOffsets } from '../../ports/event-log.ts'
import type {
  Ledger,
  LedgerGap,
  LedgerPartition,
  LedgerSettlement,
  LedgerSnapshot,
  LogBreak,
} from '../../ports/ledger.ts'
import { explainMissing, findPassedOver, lengthOf, tellApart } from './ledger-gaps.ts'

/** The ledger compared with the log, offset by offset; the input for the verdict. */
export interface LedgerExamination {
  readonly snapshot: LedgerSnapshot
  readonly lines: readonly ExaminedLine[]
  /** Skipped offsets at which the log has records, in ascending order; at most 100. */
  readonly gaps: readonly LedgerGap[]
  /** Skipped offsets that can no longer be read; at most 100 together with those in `gaps`. */
  readonly damaged: readonly LedgerGap[]
  /** How the log differs from the log that the ledger counted; null if they seem to be the same. */
  readonly brokenBy: LogBreak | null
  /** Unsettled offsets that are missing from the log, each classified as lost or absent. */
  readonly unsettled: readonly LedgerSettlement[]
}

export interface ExaminedLine {
  readonly row: LedgerPartition
  /** Where the log begins, and the offset that its next record will get. */
  readonly start: number
  readonly end: number
  /** How many offsets beyond `end` cannot be read until an open transaction ends. */
  readonly behindTransaction: number
  /** How many offsets beyond the row's `next` will never be delivered. */
  readonly uncounted: number
  /** How many counted offsets have since left the log; 0 if the ledger counted another log. */
  readonly expired: number
}

type FoundLine = Omit<ExaminedLine, 'expired'>

export type ExamineLedger = () => Promise<LedgerExamination>

export function createExamineLedger(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read' | 'retention' | 'identity'>
  ledger: Pick<Ledger, 'read'>
  topic: string
  groupId: string
}): ExamineLedger {
  const { log, topic } = dependencies

  return async function examineLedger() {
    const { snapshot, offsets, uncounted, passedOver } = await findPassedOver(dependencies)
    const { gaps, damaged, missing } = await tellApart(log, passedOver)
    const found = toLines(topic, snapshot.partitions, offsets, uncounted)
    const brokenBy = breakOf(snapshot, found, await log.identity(topic))
    const notCounted = [...passedOver, ...snapshot.lost]
    const lines = found.map((line) => ({ ...line, expired: brokenBy === null ? expiredIn(line, notCounted) : 0 }))
    // Only the log that the ledger counted can say why offsets are missing.
    const isToldByLog = brokenBy === null && missing.length > 0
    return { snapshot, lines, gaps, damaged, brokenBy, unsettled: isToldByLog ? await explain(missing) : [] }
  }

  async function explain(missing: readonly LedgerGap[]): Promise<readonly LedgerSettlement[]> {
    const { holesAreMarkers } = await log.retention(topic)
    return explainMissing(missing, await log.offsets(topic), holesAreMarkers)
  }
}

/** The figure includes absent offsets, because the ledger does not keep their positions. */
function expiredIn({ row, start }: FoundLine, notCounted: readonly LedgerGap[]): number {
  const end = Math.min(start, row.next)
  const others = notCounted
    .filter(({ partition }) => partition === row.partition)
    .map(({ from, to }) => Math.max(0, Math.min(to, end) - Math.max(from, row.first)))
  return Math.max(0, end - row.first - others.reduce((total, offsets) => total + offsets, 0))
}

function breakOf({ logs }: LedgerSnapshot, lines: readonly FoundLine[], id: string | null): LogBreak | null {
  const [counted] = logs
  if (counted?.brokenBy !== undefined && counted.brokenBy !== null) return counted.brokenBy
  const isOther = counted?.id !== undefined && counted.id !== null && id !== null && counted.id !== id
  if (isOther) return 'replaced'
  return lines.some(({ row, end }) => end < row.next) ? 'truncated' : null
}

function toLines(
  topic: string,
  rows: readonly LedgerPartition[],
  offsets: readonly PartitionOffsets[],
  uncounted: readonly LedgerGap[],
): FoundLine[] {
  const known = new Map(rows.map((row) => [row.partition, row]))
  const places = new Map(offsets.map((place) => [place.partition, place]))
  const partitions = new Set([...places.keys(), ...known.keys()])
  return [...partitions]
    .toSorted((one, other) => one - other)
    .map((partition) => {
      const { first: start, end, behindTransaction = 0 } = places.get(partition) ?? { first: 0, end: 0 }
      const row = known.get(partition) ?? nothingYet(topic, partition, start)
      const ofPartition = uncounted.filter((range) => range.partition === partition)
      return { row, start, end, behindTransaction, uncounted: lengthOf(ofPartition) }
    })
}

function nothingYet(topic: string, partition: number, first: number): LedgerPartition {
  const none = { stored: 0, duplicate: 0, parked: 0, gaps: 0, absent: 0, lost: 0, redriven: 0 }
  return { topic, partition, first, next: first, ...none }
}
