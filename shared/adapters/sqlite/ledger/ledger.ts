import type { DatabaseSync } from 'node:sqlite'
import { NONE_PARKED } from '../../stores/none-parked.ts'
import type {
  CountedLog,
  LedgerGap,
  LedgerPartition,
  LedgerSnapshot,
  LossCause,
  ParkedState,
} from '../../../ports/ledger.ts'

export interface LedgerQueries {
  readLedger(groupId: string, topic: string, maxGaps: number): LedgerSnapshot
}

/** The following statements use the primary keys and return rows in primary key order. */
const PARTITIONS = `
  SELECT topic, partition, first, next, stored, duplicate, parked, gaps - absent - lost AS gaps, absent, lost, redriven
  FROM ledger WHERE group_id = ? AND topic = ? ORDER BY partition`
const RANGES = (which: string) => `
  SELECT topic, partition, since, until, lost_by FROM ledger_gaps WHERE group_id = ? AND topic = ? AND ${which}
  ORDER BY partition, since LIMIT ?`
const LOGS = 'SELECT topic, log_id AS id, broken_by AS brokenBy FROM ledger_logs WHERE group_id = ? AND topic = ?'
const GAPS = RANGES('lost_by IS NULL')
const LOST = RANGES('lost_by IS NOT NULL')
/** Reads only the index parked_records_by_state, which ends with the columns of the primary key. */
const PARKED = `
  SELECT state, count(*) AS origins FROM parked_records
  WHERE group_id = ? AND topic = ? AND counted = 1 GROUP BY state`

/** Reads only the index order_changes_waiting. */
const WAITING = `SELECT count(*) AS changes FROM order_changes WHERE state = 'waiting'`

export function prepareLedgerQueries(db: DatabaseSync): LedgerQueries {
  const selectPartitions = db.prepare(PARTITIONS)
  const selectGaps = db.prepare(GAPS)
  const selectLogs = db.prepare(LOGS)
  const selectLost = db.prepare(LOST)
  const selectParked = db.prepare(PARKED)
  const selectWaiting = db.prepare(WAITING)

  return {
    readLedger(groupId, topic, maxGaps) {
      const parked = { ...NONE_PARKED }
      for (const row of selectParked.all(groupId, topic)) parked[row['state'] as ParkedState] = Number(row['origins'])
      return {
        logs: selectLogs.all(groupId, topic).map((row) => ({ ...row }) as unknown as CountedLog),
        partitions: selectPartitions.all(groupId, topic).map((row) => ({ ...row }) as unknown as LedgerPartition),
        gaps: selectGaps.all(groupId, topic, maxGaps).map(toRange),
        lost: selectLost
          .all(groupId, topic, maxGaps)
          .map((row) => ({ ...toRange(row), lostBy: row['lost_by'] as LossCause })),
        parked,
        waiting: Number(selectWaiting.get()?.['changes']),
      }
    },
  }
}

function toRange({ topic, partition, since, until }: Record<string, unknown>): LedgerGap {
  return { topic: String(topic), partition: Number(partition), from: Number(since), to: Number(until) }
}
