import type { DatabaseSync } from 'node:sqlite'
import type { LedgerLoss, LedgerSettlement, LogBreak } from '../../../ports/ledger.ts'
import { inTransaction } from '../database/database.ts'
import { prepareGaps } from './gaps.ts'

/** Records where a ledger begins, and what the log says about offsets that were not counted (port Ledger). */
export interface LedgerSettling {
  beginLedger(groupId: string, topic: string, starts: ReadonlyMap<number, number>, logId: string | null): void
  markLogBroken(groupId: string, topic: string, brokenBy: LogBreak): boolean
  settleLedger(groupId: string, settlements: readonly LedgerSettlement[]): readonly LedgerLoss[]
}

const KEY = 'group_id = ? AND topic = ? AND partition = ?'
const BEGIN = 'INSERT INTO ledger VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING'
/** Keeps the first log id that becomes known. */
const NOTE_LOG = `
  INSERT INTO ledger_logs VALUES (?, ?, ?, NULL)
  ON CONFLICT DO UPDATE SET log_id = coalesce(ledger_logs.log_id, excluded.log_id)`
const MARK_BROKEN = `
  INSERT INTO ledger_logs VALUES (?, ?, NULL, ?)
  ON CONFLICT DO UPDATE SET broken_by = excluded.broken_by WHERE broken_by IS NULL`
const SELECT_NEXT = `SELECT next FROM ledger WHERE ${KEY}`
const PASS_OVER = `UPDATE ledger SET next = ?1, gaps = gaps + ?1 - next WHERE group_id = ?2 AND topic = ?3 AND partition = ?4`
const COUNT = `UPDATE ledger SET absent = absent + ?, lost = lost + ? WHERE ${KEY}`

export function prepareLedgerSettling(db: DatabaseSync): LedgerSettling {
  const begin = db.prepare(BEGIN)
  const noteLog = db.prepare(NOTE_LOG)
  const markBroken = db.prepare(MARK_BROKEN)
  const selectNext = db.prepare(SELECT_NEXT)
  const passOver = db.prepare(PASS_OVER)
  const gaps = prepareGaps(db)
  const count = db.prepare(COUNT)

  /**
   * Settles those parts of open gaps that lie within the range, by counting them as absent or lost. The rest of each
   * gap stays open.
   */
  function settle(groupId: string, { topic, partition, from, to, lostBy }: LedgerSettlement): LedgerLoss[] {
    const key = [groupId, topic, partition] as const
    const row = selectNext.get(...key)
    if (row === undefined) return []
    const next = Number(row['next'])
    if (lostBy !== null && to > next) {
      gaps.add(key, { since: next, until: to, lostBy: null })
      passOver.run(to, ...key)
    }
    return gaps.openWithin(key, from, to).flatMap((gap) => {
      const { since, until } = gap
      const within = { from: Math.max(since, from), to: Math.min(until, to) }
      gaps.remove(key, gap)
      if (since < within.from) gaps.add(key, { since, until: within.from, lostBy: null })
      if (within.to < until) gaps.add(key, { since: within.to, until, lostBy: null })
      const length = within.to - within.from
      count.run(lostBy === null ? length : 0, lostBy === null ? 0 : length, ...key)
      if (lostBy === null) return []
      gaps.add(key, { since: within.from, until: within.to, lostBy })
      return [{ topic, partition, ...within, lostBy }]
    })
  }

  return {
    beginLedger(groupId, topic, starts, logId) {
      inTransaction(db, () => {
        noteLog.run(groupId, topic, logId)
        for (const [partition, first] of starts) begin.run(groupId, topic, partition, first, first)
      })
    },
    markLogBroken: (groupId, topic, brokenBy) => markBroken.run(groupId, topic, brokenBy).changes > 0,
    settleLedger(groupId, settlements) {
      return inTransaction(db, () => settlements.flatMap((settlement) => settle(groupId, settlement)))
    },
  }
}
