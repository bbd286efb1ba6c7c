import type { EventLog, PartitionOffsets } from '../ports/event-log.ts'
import type { LedgerGap, LedgerPartition } from '../ports/ledger.ts'

/** So many ranges are looked at. More of them are told as passed over, whether the log has them or not. */
export const MAX_RANGES = 10_000
/** So many offsets are named one by one. */
const MAX_NAMED = 100

export interface PassedOver {
  /** Offsets that the log has, ascending, one by one, at most 100; `to` is exclusive. */
  readonly gaps: readonly LedgerGap[]
  /** How many offsets the log does not have, such as transaction markers: nothing was lost there. */
  readonly absent: number
}

/**
 * What the group committed beyond what the ledger counted. A record is counted before it is committed, so these were
 * passed over; no later record has made a gap of them yet. `committed` must have been asked for before the ledger.
 */
export function committedUncounted(
  topic: string,
  rows: readonly LedgerPartition[],
  offsets: readonly PartitionOffsets[],
  committed: ReadonlyMap<number, number>,
): LedgerGap[] {
  const counted = new Map(rows.filter((row) => row.topic === topic).map(({ partition, next }) => [partition, next]))
  return offsets
    .map(({ partition, first, end }) => {
      const from = counted.get(partition) ?? first
      return { topic, partition, from, to: Math.min(committed.get(partition) ?? from, end) }
    })
    .filter(({ from, to }) => from < to)
}

/**
 * Tells what the log has of these ranges from what it has not. It reads no further than the hundredth offset that it has:
 * the rest counts as passed over until somebody repairs it.
 */
export async function tellApart(log: Pick<EventLog, 'read'>, ranges: readonly LedgerGap[]): Promise<PassedOver> {
  const gaps: LedgerGap[] = []
  let absent = 0
  for (const range of ranges) {
    const { topic, partition, to } = range
    for (let next = range.from; next < to && gaps.length < MAX_NAMED;) {
      const limit = Math.min(MAX_NAMED - gaps.length, to - next)
      // One after another: each may hold some megabytes.
      const found = await log.read(topic, partition, next, limit)
      const offsets = found.map(({ offset }) => offset).filter((offset) => offset < to)
      for (const offset of offsets) {
        absent += offset - next
        gaps.push({ ...range, from: offset, to: offset + 1 })
        next = offset + 1
      }
      if (offsets.length > 0) continue
      absent += to - next
      next = to
    }
  }
  return { gaps, absent }
}
