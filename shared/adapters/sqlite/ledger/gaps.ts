import type { DatabaseSync } from 'node:sqlite'
import type { LossCause } from '../../../ports/ledger.ts'

export type PartitionKey = readonly [groupId: string, topic: string, partition: number]

/** A range of offsets that were passed over. `until` is exclusive. */
export interface Gap {
  readonly since: number
  readonly until: number
  /** The cause of the loss; null while the gap is open. */
  readonly lostBy: LossCause | null
}

/**
 * The gaps of a partition. Gaps do not overlap, so only the last one that begins at or before an offset can contain
 * that offset, and each lookup is a single seek. Adjacent gaps with the same cause are merged.
 */
export interface Gaps {
  /** The gap that contains the offset. */
  at(key: PartitionKey, offset: number): Gap | undefined
  /** The open gaps that overlap the range, in ascending order. `to` is exclusive. */
  openWithin(key: PartitionKey, from: number, to: number): Gap[]
  add(key: PartitionKey, gap: Gap): void
  remove(key: PartitionKey, gap: Gap): void
}

const KEY = 'group_id = ?1 AND topic = ?2 AND partition = ?3'
const AT = `SELECT since, until, lost_by FROM ledger_gaps WHERE ${KEY} AND since <= ?4 ORDER BY since DESC LIMIT 1`
const OPEN_WITHIN = `
  SELECT since, until, lost_by FROM ledger_gaps
  WHERE ${KEY} AND since < ?5 AND until > ?4 AND lost_by IS NULL
    AND since >= coalesce((SELECT max(since) FROM ledger_gaps WHERE ${KEY} AND since <= ?4), 0)
  ORDER BY since`
const INSERT = 'INSERT INTO ledger_gaps (group_id, topic, partition, since, until, lost_by) VALUES (?, ?, ?, ?, ?, ?)'
const DELETE = `DELETE FROM ledger_gaps WHERE ${KEY} AND since = ?4`

export function prepareGaps(db: DatabaseSync): Gaps {
  const selectAt = db.prepare(AT)
  const selectOpenWithin = db.prepare(OPEN_WITHIN)
  const insert = db.prepare(INSERT)
  const remove = db.prepare(DELETE)

  function at(key: PartitionKey, offset: number): Gap | undefined {
    const row = selectAt.get(...key, offset)
    const gap = row === undefined ? undefined : toGap(row)
    return gap !== undefined && offset < gap.until ? gap : undefined
  }

  return {
    at,
    openWithin: (key, from, to) => selectOpenWithin.all(...key, from, to).map(toGap),
    add(key, { since, until, lostBy }) {
      const touching = [since - 1, until]
        .flatMap((offset) => at(key, offset) ?? [])
        .filter((gap) => gap.lostBy === lostBy)
      for (const gap of touching) remove.run(...key, gap.since)
      const whole = [{ since, until }, ...touching]
      const begins = Math.min(...whole.map((gap) => gap.since))
      const ends = Math.max(...whole.map((gap) => gap.until))
      insert.run(...key, begins, ends, lostBy)
    },
    remove(key, { since }) {
      remove.run(...key, since)
    },
  }
}

function toGap(row: Record<string, unknown>): Gap {
  return { since: Number(row['since']), until: Number(row['until']), lostBy: row['lost_by'] as LossCause | null }
}
