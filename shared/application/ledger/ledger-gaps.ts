import type { OffsetRange } from '../../domain/errors.ts'
import type { EventLog, PartitionOffsets } from '../../ports/event-log.ts'
import type { Ledger, LedgerGap, LedgerPartition, LedgerSettlement } from '../../ports/ledger.ts'
import { readPart, RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'

/**
 * At most this many ranges are checked against the log. All further ranges are reported as gaps without being checked.
 */
const MAX_RANGES = 10_000
/** At most this many offsets are listed individually. */
export const MAX_NAMED = 100
/** At most this many ranges are settled in one transaction, which limits how long the store's locks are held. */
export const SETTLED_AT_ONCE = 500

export interface PassedOver {
  /** Offsets that the log has, ascending, listed individually, at most 100; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** Parts of the ranges that can no longer be read. `gaps` and `damaged` together have at most 100 entries. */
  readonly damaged: readonly LedgerGap[]
  /** Ranges of offsets missing from the log. */
  readonly missing: readonly LedgerGap[]
}

/**
 * Every skipped range, whether or not the ledger records it as a gap, and the figures that show that it was skipped.
 */
export async function findPassedOver({
  log,
  ledger,
  topic,
  groupId,
}: {
  log: Pick<EventLog, 'committed' | 'offsets'>
  ledger: Pick<Ledger, 'read'>
  topic: string
  groupId: string
}) {
  // The committed offsets are read before the ledger, because a record is counted before it is committed. The log start
  // is also read before the ledger, because a record that is counted and leaves the log between the two reads would
  // otherwise seem lost. The end offsets are read last, so that records published in the meantime count as still to
  // come.
  const starts = new Map((await log.offsets(topic)).map(({ partition, first }) => [partition, first]))
  const committed = await log.committed(groupId, topic)
  const snapshot = await ledger.read(groupId, topic, MAX_RANGES)
  const offsets = await log.offsets(topic)
  const uncounted = uncountedRanges(topic, snapshot.partitions, offsets, committed, starts)
  // If the topic was recreated with fewer partitions, the log can say nothing about gaps in the others.
  const isHere = ({ partition }: LedgerGap) => offsets.some((found) => found.partition === partition)
  const passedOver = [...snapshot.gaps.filter(isHere), ...uncounted]
  return { snapshot, offsets, uncounted, passedOver }
}

/**
 * Ranges that were not counted and will never be delivered: offsets that the group committed beyond the ledger, and
 * offsets before the log start. A record is counted before it is committed, so these offsets must have been skipped.
 * They are not gaps in the ledger yet, because no later record has been counted.
 */
function uncountedRanges(
  topic: string,
  rows: readonly LedgerPartition[],
  offsets: readonly PartitionOffsets[],
  committed: ReadonlyMap<number, number>,
  starts: ReadonlyMap<number, number>,
): LedgerGap[] {
  const counted = new Map(rows.map(({ partition, next }) => [partition, next]))
  return offsets
    .map(({ partition, first, end }) => {
      const from = counted.get(partition) ?? first
      const start = starts.get(partition) ?? first
      return { topic, partition, from, to: Math.max(start, Math.min(committed.get(partition) ?? from, end)) }
    })
    .filter(({ from, to }) => from < to)
}

/**
 * Divides the ranges into offsets that the log has, offsets that it cannot read, and offsets that it does not have.
 * Stops after a hundred entries of the first two kinds; the rest count as skipped until they are repaired.
 */
export async function tellApart(log: Pick<EventLog, 'read'>, ranges: readonly LedgerGap[]): Promise<PassedOver> {
  const gaps: LedgerGap[] = []
  const damaged: LedgerGap[] = []
  const missing: LedgerGap[] = []
  const find = createWindow(log, ranges)
  for (const range of ranges) {
    for (let next = range.from; next < range.to && gaps.length + damaged.length < MAX_NAMED;) {
      const found = await find(range, next)
      const from = Math.min(Math.max(found.from, next), range.to)
      const to = Math.min(found.to, range.to)
      if (from > next) missing.push({ ...range, from: next, to: from })
      if (from < range.to) (found.readable ? gaps : damaged).push({ ...range, from, to })
      next = to
    }
  }
  return { gaps, damaged, missing }
}

/** A record or an unreadable batch. */
interface Found extends OffsetRange {
  readonly readable: boolean
}

const NOTHING: Found = { from: Infinity, to: Infinity, readable: true }

/**
 * Returns a function that finds the first record or unreadable batch at or after `next`; `NOTHING` if there is none.
 * Each transaction marker is a skipped offset, so ranges often lie close together. Therefore one read serves all the
 * ranges that it spans.
 */
function createWindow(log: Pick<EventLog, 'read'>, ranges: readonly LedgerGap[]) {
  const ends = new Map<string, number>()
  for (const range of ranges) ends.set(keyOf(range), Math.max(ends.get(keyOf(range)) ?? 0, range.to))
  let window = { key: '', from: 0, until: 0, found: [] as readonly Found[] }

  return async function firstFrom(range: LedgerGap, next: number): Promise<Found> {
    const { topic, partition } = range
    const key = keyOf(range)
    if (window.key !== key || next < window.from || next >= window.until) {
      const limit = Math.min(RECORDS_AT_ONCE, (ends.get(key) ?? range.to) - next)
      const found = await look(topic, partition, next, limit)
      window = { key, from: next, until: found.at(-1)?.to ?? Infinity, found }
    }
    return window.found.find(({ to }) => to > next) ?? NOTHING
  }

  async function look(topic: string, partition: number, from: number, limit: number): Promise<readonly Found[]> {
    const { records, unreadable } = await readPart(log, topic, partition, from, limit)
    if (unreadable !== undefined) return [{ ...unreadable, readable: false }]
    return records.map(({ offset }) => ({ from: offset, to: offset + 1, readable: true }))
  }
}

function keyOf({ topic, partition }: LedgerGap): string {
  return `${topic}:${partition}`
}

/**
 * Explains why offsets are missing from the log. `offsets` must be requested after the log has been read, because
 * otherwise a record deleted in between would seem never to have existed.
 */
export function explainMissing(
  missing: readonly LedgerGap[],
  offsets: readonly PartitionOffsets[],
  holesAreMarkers: boolean,
): LedgerSettlement[] {
  const starts = new Map(offsets.map(({ partition, first }) => [partition, first]))
  return missing.flatMap((range) => {
    const first = Math.min(Math.max(starts.get(range.partition) ?? 0, range.from), range.to)
    const before: LedgerSettlement = { ...range, to: first, lostBy: 'log-start' }
    const behind: LedgerSettlement = { ...range, from: first, lostBy: holesAreMarkers ? null : 'hole' }
    return [before, behind].filter(({ from, to }) => from < to)
  })
}

export function lengthOf(ranges: readonly LedgerGap[]): number {
  return ranges.reduce((total, { from, to }) => total + to - from, 0)
}
