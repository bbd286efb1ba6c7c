import type { DatabaseSync } from 'node:sqlite'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { prepareGaps, type PartitionKey } from './gaps.ts'

/**
 * Counts offsets. An offset is counted if it is at or beyond `next`, or if it was passed over as a gap and has arrived
 * after all. Any other offset has already been counted. The figures therefore always add up to `next − first`, which a
 * constraint of the table checks.
 */
export interface LedgerCounting {
  /** Returns the newly counted outcomes. */
  count(groupId: string, outcomes: readonly Outcome[]): ReadonlySet<Outcome>
  /**
   * Whether the ledger is past the offset, which means that every earlier record has been delivered or passed over.
   * Also true for a topic that the ledger does not count, such as a retry topic to which somebody sent a record of
   * their own.
   */
  isCounted(groupId: string, origin: RecordPosition): boolean
}

export interface Outcome {
  readonly origin: RecordPosition
  readonly kind: 'stored' | 'duplicate' | 'parked'
  readonly isRedrive: boolean
}

const KEY = 'group_id = ? AND topic = ? AND partition = ?'
const SELECT = `SELECT first, next, stored, duplicate, parked, gaps, redriven, absent, lost FROM ledger WHERE ${KEY}`
const IS_COUNTED = `
  SELECT 1 WHERE EXISTS (SELECT 1 FROM ledger WHERE ${KEY} AND next > ?)
    OR NOT EXISTS (SELECT 1 FROM ledger WHERE group_id = ? AND topic = ?)`
const REPLACE = 'INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'

/** As in the table, `gaps` counts every offset that was passed over, including those that are absent or lost. */
interface LedgerRow {
  readonly first: number
  next: number
  stored: number
  duplicate: number
  parked: number
  gaps: number
  redriven: number
  readonly absent: number
  lost: number
}

export function prepareLedgerCounting(db: DatabaseSync): LedgerCounting {
  const select = db.prepare(SELECT)
  const isCounted = db.prepare(IS_COUNTED)
  const replace = db.prepare(REPLACE)
  const gaps = prepareGaps(db)

  /**
   * Removes the offset from the gap that contains it. Returns whether that gap was open or counted as lost; undefined
   * if no gap contains the offset.
   */
  function takeFromGap(key: PartitionKey, offset: number): 'gap' | 'lost' | undefined {
    const gap = gaps.at(key, offset)
    if (gap === undefined) return undefined
    const { since, until, lostBy } = gap
    gaps.remove(key, gap)
    if (since < offset) gaps.add(key, { since, until: offset, lostBy })
    if (offset + 1 < until) gaps.add(key, { since: offset + 1, until, lostBy })
    return lostBy === null ? 'gap' : 'lost'
  }

  function countPartition(key: PartitionKey, outcomes: readonly Outcome[]): Outcome[] {
    const known = select.get(...key) as LedgerRow | undefined
    const row: LedgerRow = known ?? {
      first: 0,
      next: 0,
      stored: 0,
      duplicate: 0,
      parked: 0,
      gaps: 0,
      redriven: 0,
      absent: 0,
      lost: 0,
    }
    const counting = outcomes.filter(({ origin: { offset } }) => {
      if (offset < row.next) {
        const taken = row.gaps === 0 ? undefined : takeFromGap(key, offset)
        if (taken === undefined) return false
        row.gaps -= 1
        if (taken === 'lost') row.lost -= 1
        return true
      }
      if (offset > row.next) gaps.add(key, { since: row.next, until: offset, lostBy: null })
      row.gaps += offset - row.next
      row.next = offset + 1
      return true
    })
    for (const { kind, isRedrive } of counting) {
      row[kind] += 1
      if (isRedrive) row.redriven += 1
    }
    const { first, next, stored, duplicate, parked, redriven, absent, lost } = row
    if (counting.length > 0) {
      replace.run(...key, first, next, stored, duplicate, parked, row.gaps, redriven, absent, lost)
    }
    return counting
  }

  return {
    count(groupId, outcomes) {
      const counted = new Set<Outcome>()
      const topics = Map.groupBy(outcomes, ({ origin }) => origin.topic)
      for (const [topic, ofTopic] of topics) {
        const partitions = Map.groupBy(ofTopic, ({ origin }) => origin.partition)
        for (const [partition, some] of partitions) {
          const ascending = some.toSorted((one, other) => one.origin.offset - other.origin.offset)
          const counting = countPartition([groupId, topic, partition], ascending)
          for (const outcome of counting) counted.add(outcome)
        }
      }
      return counted
    },
    isCounted: (groupId, { topic, partition, offset }) =>
      isCounted.get(groupId, topic, partition, offset, groupId, topic) !== undefined,
  }
}
