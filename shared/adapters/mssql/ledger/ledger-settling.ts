import type { Ledger, LedgerSettlement, LossCause } from '../../../ports/ledger.ts'
import { json, text } from '../database/connection.ts'
import { lockPartition } from '../database/locks.ts'
import type { Query } from '../database/query.ts'
import { toGroup } from '../database/columns.ts'
import { LOCK_FORGETTING } from '../forgetting/forgotten-customers-sql.ts'

/**
 * Records where a group's ledger begins (port Ledger). If two transactions add the same partition at the same time, the
 * later one violates the primary key, is retried, and then finds the row of the earlier one.
 */
export const BEGIN_LEDGER = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
BEGIN TRANSACTION;${LOCK_FORGETTING}
INSERT INTO ledger (
  group_id, topic, log_partition, first_offset, next_offset, stored, duplicate, parked, gaps, redriven
)
SELECT @group, @topic, s.log_partition, s.first_offset, s.first_offset, 0, 0, 0, 0, 0
FROM OPENJSON(@starts) WITH (log_partition INT '$.partition', first_offset BIGINT '$.first') AS s
WHERE NOT EXISTS (
  SELECT 1 FROM ledger AS l
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = s.log_partition
);
-- Keeps the first id that is known.
UPDATE ledger_logs SET log_id = COALESCE(log_id, @logId) WHERE group_id = @group AND topic = @topic;
IF @@ROWCOUNT = 0
  INSERT INTO ledger_logs (group_id, topic, log_id) VALUES (@group, @topic, @logId);
COMMIT TRANSACTION;
`

export const MARK_BROKEN = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @changed INT;
UPDATE ledger_logs SET broken_by = @brokenBy WHERE group_id = @group AND topic = @topic AND broken_by IS NULL;
SET @changed = @@ROWCOUNT;
SELECT @changed AS changed;
`

/**
 * Settles one range after another, in the order in which all transactions lock the rows of the ledger. The parts of
 * open gaps that lie within a range are counted as absent or lost. The rest of each gap stays open.
 */
export const SETTLE_LEDGER = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @ranges TABLE (
  n INT NOT NULL PRIMARY KEY,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  from_offset BIGINT NOT NULL,
  to_offset BIGINT NOT NULL,
  lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
);
DECLARE @found TABLE (since_offset BIGINT NOT NULL, until_offset BIGINT NOT NULL);
DECLARE @lost TABLE (since_offset BIGINT NOT NULL PRIMARY KEY, until_offset BIGINT NOT NULL);
DECLARE @news TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
);
INSERT INTO @ranges (n, topic, log_partition, from_offset, to_offset, lost_by)
SELECT r.n, r.topic, r.log_partition, r.from_offset, r.to_offset, r.lost_by
FROM OPENJSON(@settlements) WITH (
  n INT '$.n', topic NVARCHAR(249) '$.topic', log_partition INT '$.partition', from_offset BIGINT '$.from',
  to_offset BIGINT '$.to', lost_by VARCHAR(20) '$.lostBy'
) AS r;
DECLARE @n INT = 1;
DECLARE @last_n INT = (SELECT COUNT(*) FROM @ranges);
DECLARE @topic NVARCHAR(249), @partition INT, @from BIGINT, @to BIGINT, @lost_by VARCHAR(20), @next BIGINT, @length BIGINT,
  @first BIGINT;
BEGIN TRANSACTION;
WHILE @n <= @last_n
BEGIN
  SELECT @topic = r.topic, @partition = r.log_partition, @from = r.from_offset, @to = r.to_offset, @lost_by = r.lost_by
  FROM @ranges AS r
  WHERE r.n = @n;
  SET @next = NULL;${lockPartition('@group', '@topic', '@partition')}
  SELECT @next = l.next_offset FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition;
  IF @next IS NOT NULL AND @lost_by IS NOT NULL AND @to > @next
  BEGIN
    -- Adjacent gaps are merged, so an open gap that ends here is extended.
    SET @first = NULL;
    SELECT TOP (1) @first = CASE WHEN g.until_offset = @next AND g.lost_by IS NULL THEN g.since_offset END
    FROM ledger_gaps AS g
    WHERE g.group_id = @group AND g.topic = @topic AND g.log_partition = @partition AND g.since_offset < @next
    ORDER BY g.since_offset DESC;
    IF @first IS NULL
      INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset)
      VALUES (@group, @topic, @partition, @next, @to);
    ELSE
      UPDATE ledger_gaps SET until_offset = @to
      WHERE group_id = @group AND topic = @topic AND log_partition = @partition AND since_offset = @first;
    UPDATE l
    SET next_offset = @to, gaps = l.gaps + @to - @next
    FROM ledger AS l WITH (FORCESEEK)
    WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition;
  END;
  -- Gaps do not overlap, so the last one that begins before this range is the first that can overlap or touch it.
  SET @first = @from;
  SELECT TOP (1) @first = g.since_offset
  FROM ledger_gaps AS g
  WHERE g.group_id = @group AND g.topic = @topic AND g.log_partition = @partition AND g.since_offset < @from
  ORDER BY g.since_offset DESC;
  DELETE FROM @found;
  INSERT INTO @found (since_offset, until_offset)
  SELECT g.since_offset, g.until_offset
  FROM ledger_gaps AS g
  WHERE g.group_id = @group AND g.topic = @topic AND g.log_partition = @partition AND g.lost_by IS NULL
    AND g.since_offset >= @first AND g.since_offset < @to AND g.until_offset > @from;

  DELETE g
  FROM ledger_gaps AS g
  JOIN @found AS f ON f.since_offset = g.since_offset
  WHERE g.group_id = @group AND g.topic = @topic AND g.log_partition = @partition;

  INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset)
  SELECT @group, @topic, @partition, f.since_offset, @from FROM @found AS f WHERE f.since_offset < @from
  UNION ALL
  SELECT @group, @topic, @partition, @to, f.until_offset FROM @found AS f WHERE f.until_offset > @to;

  IF @lost_by IS NOT NULL
  BEGIN
    -- Merges adjacent ranges that were lost for the same reason, within this range and beside it.
    DELETE FROM @lost;
    INSERT INTO @lost (since_offset, until_offset)
    SELECT CASE WHEN f.since_offset < @from THEN @from ELSE f.since_offset END,
      CASE WHEN f.until_offset > @to THEN @to ELSE f.until_offset END
    FROM @found AS f
    UNION ALL
    SELECT g.since_offset, g.until_offset
    FROM ledger_gaps AS g
    WHERE g.group_id = @group AND g.topic = @topic AND g.log_partition = @partition AND g.lost_by = @lost_by
      AND g.since_offset >= @first AND g.since_offset <= @to;

    DELETE FROM ledger_gaps
    WHERE group_id = @group AND topic = @topic AND log_partition = @partition AND lost_by = @lost_by
      AND since_offset >= @first AND since_offset <= @to;

    INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset, lost_by)
    SELECT @group, @topic, @partition, MIN(y.since_offset), MAX(y.until_offset), @lost_by
    FROM (
      SELECT x.since_offset, x.until_offset,
        SUM(x.begins) OVER (ORDER BY x.since_offset ROWS UNBOUNDED PRECEDING) AS n
      FROM (
        SELECT l.since_offset, l.until_offset,
          CASE WHEN LAG(l.until_offset) OVER (ORDER BY l.since_offset) = l.since_offset THEN 0 ELSE 1 END AS begins
        FROM @lost AS l
      ) AS x
    ) AS y
    GROUP BY y.n;
    INSERT INTO @news (topic, log_partition, since_offset, until_offset, lost_by)
    SELECT @topic, @partition, CASE WHEN f.since_offset < @from THEN @from ELSE f.since_offset END,
      CASE WHEN f.until_offset > @to THEN @to ELSE f.until_offset END, @lost_by
    FROM @found AS f;
  END;

  SET @length = (
    SELECT COALESCE(SUM(CASE WHEN f.until_offset > @to THEN @to ELSE f.until_offset END
      - CASE WHEN f.since_offset < @from THEN @from ELSE f.since_offset END), 0)
    FROM @found AS f
  );
  UPDATE l
  SET absent = l.absent + CASE WHEN @lost_by IS NULL THEN @length ELSE 0 END,
    lost = l.lost + CASE WHEN @lost_by IS NULL THEN 0 ELSE @length END
  FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition AND @length > 0;
  SET @n += 1;
END;
COMMIT TRANSACTION;
SELECT w.topic, w.log_partition, w.since_offset, w.until_offset, w.lost_by
FROM @news AS w
ORDER BY w.topic, w.log_partition, w.since_offset;
`

export function createLedgerSettling(query: Query): Pick<Ledger, 'begin' | 'markBroken' | 'settle'> {
  return {
    async begin(groupId, topic, starts, logId) {
      const rows = Array.from(starts, ([partition, first]) => ({ partition, first }))
      const parameters = { group: toGroup(groupId), topic: text(topic), starts: json(rows), logId: text(logId) }
      await query(BEGIN_LEDGER, parameters)
    },
    async markBroken(groupId, topic, brokenBy) {
      const parameters = { group: toGroup(groupId), topic: text(topic), brokenBy: text(brokenBy) }
      const [[row] = []] = await query(MARK_BROKEN, parameters)
      return Number(row?.['changed']) > 0
    },
    async settle(groupId, settlements) {
      const ordered = settlements.toSorted(byPlace).map((settlement, index) => ({ n: index + 1, ...settlement }))
      const [rows = []] = await query(SETTLE_LEDGER, { group: toGroup(groupId), settlements: json(ordered) })
      return rows.map((row) => ({
        topic: String(row['topic']),
        partition: Number(row['log_partition']),
        from: Number(row['since_offset']),
        to: Number(row['until_offset']),
        lostBy: row['lost_by'] as LossCause,
      }))
    },
  }
}

function byPlace(one: LedgerSettlement, other: LedgerSettlement): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1
  return one.partition - other.partition || one.from - other.from
}
