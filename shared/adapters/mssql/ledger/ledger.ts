import type { Ledger, LedgerGap, LedgerPartition, LogBreak, LossCause, ParkedState } from '../../../ports/ledger.ts'
import { NONE_PARKED } from '../../stores/none-parked.ts'
import { int, text, type Row } from '../database/connection.ts'
import { createLedgerSettling } from './ledger-settling.ts'
import type { Query } from '../database/query.ts'

const RANGES = (part: number, which: string) => `
SELECT ${part}, g.topic, g.log_partition, g.since_offset, g.until_offset, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.lost_by
FROM (
  SELECT TOP (@maxGaps) g.topic, g.log_partition, g.since_offset, g.until_offset, g.lost_by
  FROM ledger_gaps AS g
  WHERE g.group_id = @group AND g.topic = @topic AND ${which}
  ORDER BY g.topic, g.log_partition, g.since_offset
) AS g`

/**
 * The whole ledger as of one moment. A single statement reads all of it, because separate SELECTs would each read as of
 * a different moment, and the database may not allow SNAPSHOT isolation. Uses the primary keys, parked_records_by_state
 * and order_changes_waiting. The topic of a parked record is in its index too, because the clustered index begins with
 * it, and every other index contains the columns of the clustered one.
 */
export const SELECT_LEDGER = `
SELECT 1 AS part, l.topic, l.log_partition, l.first_offset, l.next_offset, l.stored, l.duplicate, l.parked,
  l.gaps - l.absent - l.lost AS gaps, l.absent, l.lost, l.redriven, CAST(NULL AS VARCHAR(100)) AS state
FROM ledger AS l
WHERE l.group_id = @group AND l.topic = @topic
UNION ALL${RANGES(2, 'g.lost_by IS NULL')}
UNION ALL${RANGES(3, 'g.lost_by IS NOT NULL')}
UNION ALL
SELECT 4, NULL, NULL, COUNT_BIG(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, r.state
FROM parked_records AS r
WHERE r.group_id = @group AND r.topic = @topic AND r.counted = 1
GROUP BY r.state
UNION ALL
SELECT 5, g.topic, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.log_id
FROM ledger_logs AS g
WHERE g.group_id = @group AND g.topic = @topic
UNION ALL
SELECT 6, g.topic, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.broken_by
FROM ledger_logs AS g
WHERE g.group_id = @group AND g.topic = @topic
UNION ALL
SELECT 7, NULL, NULL, COUNT_BIG(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM order_changes AS c
WHERE c.state = 'waiting'
ORDER BY part, topic, log_partition, first_offset;
`

export function createLedger(query: Query): Ledger {
  return {
    ...createLedgerSettling(query),
    async read(groupId, topic, maxGaps) {
      const [rows = []] = await query(SELECT_LEDGER, {
        group: text(groupId),
        topic: text(topic),
        maxGaps: int(maxGaps),
      })
      const parts = Map.groupBy(rows, (row) => Number(row['part']))
      const parked = { ...NONE_PARKED }
      for (const row of parts.get(4) ?? []) parked[row['state'] as ParkedState] = Number(row['first_offset'])
      return {
        partitions: (parts.get(1) ?? []).map(toPartition),
        gaps: (parts.get(2) ?? []).map(toRange),
        lost: (parts.get(3) ?? []).map((row) => ({ ...toRange(row), lostBy: row['state'] as LossCause })),
        parked,
        waiting: Number(parts.get(7)?.[0]?.['first_offset'] ?? 0),
        logs: (parts.get(5) ?? []).map((row) => ({
          topic: String(row['topic']),
          id: (row['state'] ?? null) as string | null,
          brokenBy: (parts.get(6)?.find(({ topic }) => topic === row['topic'])?.['state'] ?? null) as LogBreak | null,
        })),
      }
    },
  }
}

function placeOf(row: Row) {
  return { topic: String(row['topic']), partition: Number(row['log_partition']) }
}

function toRange(row: Row): LedgerGap {
  return { ...placeOf(row), from: Number(row['first_offset']), to: Number(row['next_offset']) }
}

function toPartition(row: Row): LedgerPartition {
  return {
    ...placeOf(row),
    first: Number(row['first_offset']),
    next: Number(row['next_offset']),
    stored: Number(row['stored']),
    duplicate: Number(row['duplicate']),
    parked: Number(row['parked']),
    gaps: Number(row['gaps']),
    absent: Number(row['absent']),
    lost: Number(row['lost']),
    redriven: Number(row['redriven']),
  }
}
