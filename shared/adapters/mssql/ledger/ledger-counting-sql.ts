import { lockPartition } from '../database/locks.ts'

/**
 * Counts offsets. An offset is counted if it is at or beyond `next_offset`, or if it was passed over as a gap and has
 * arrived after all. Any other offset has already been counted. The figures therefore always add up to
 * `next_offset − first_offset`, which a CHECK constraint enforces.
 *
 * This SQL is part of STORE_BATCH. @partitions contains the partitions of all records whose outcome the batch decides,
 * sorted by topic and partition and numbered from 1. @places contains one row for each offset to count; `i` is the
 * index of the order or change at that offset, or null for a parked record.
 */
export const DECLARE_LEDGER = `
DECLARE @partitions TABLE (
  n INT NOT NULL PRIMARY KEY,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  next_offset BIGINT NOT NULL,
  is_known BIT NOT NULL,
  UNIQUE (topic, log_partition)
);
DECLARE @places TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  i INT NULL,
  is_redrive BIT NOT NULL,
  kind VARCHAR(10) COLLATE Latin1_General_100_BIN2 NULL,
  is_beyond BIT NOT NULL,
  gap_since BIGINT NULL,
  gap_lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  PRIMARY KEY (topic, log_partition, log_offset)
);
DECLARE @taken TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  PRIMARY KEY (topic, log_partition, log_offset)
);
DECLARE @gaps TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
);
DECLARE @touching TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, log_partition)
);
DECLARE @figures TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  first_offset BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  is_known BIT NOT NULL,
  stored BIGINT NOT NULL,
  duplicate BIGINT NOT NULL,
  parked BIGINT NOT NULL,
  gaps BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  redriven BIGINT NOT NULL,
  PRIMARY KEY (topic, log_partition)
);
INSERT INTO @partitions (n, topic, log_partition, next_offset, is_known)
SELECT p.n, p.topic, p.log_partition, 0, 0
FROM OPENJSON(@batch, '$.partitions') WITH (
  n INT '$.n', topic NVARCHAR(4000) '$.topic', log_partition INT '$.partition'
) AS p;
INSERT INTO @places (topic, log_partition, log_offset, i, is_redrive, is_beyond)
SELECT p.topic, p.log_partition, p.log_offset, p.i, p.is_redrive, 0
FROM OPENJSON(@batch, '$.places') WITH (
  topic NVARCHAR(4000) '$.topic', log_partition INT '$.partition', log_offset BIGINT '$.offset', i INT '$.i',
  is_redrive BIT '$.isRedrive'
) AS p;
DECLARE @n INT = 1;
DECLARE @last_n INT = (SELECT COUNT(*) FROM @partitions);
DECLARE @topic NVARCHAR(249), @partition INT, @next BIGINT;
`

/**
 * Locks row by row, so that all transactions lock in the same order and never wait for each other in a cycle. A missing
 * row is inserted at the end; if two transactions insert the same row, one fails and is retried.
 */
export const LOCK_LEDGER = `
WHILE @n <= @last_n
BEGIN
  SELECT @topic = p.topic, @partition = p.log_partition FROM @partitions AS p WHERE p.n = @n;
  SET @next = NULL;${lockPartition('@group', '@topic', '@partition')}
  SELECT @next = l.next_offset FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition;
  IF @next IS NOT NULL
    UPDATE @partitions SET next_offset = @next, is_known = 1 WHERE n = @n;
  SET @n += 1;
END;
`

/** The last of a partition's gaps whose first offset meets the condition `begins`. */
const LAST_GAP = (of: string, begins: string) => `
  SELECT TOP (1) x.since_offset, x.until_offset, x.lost_by
  FROM ledger_gaps AS x
  WHERE x.group_id = @group AND x.topic = ${of}.topic AND x.log_partition = ${of}.log_partition AND x.since_offset ${begins}
  ORDER BY x.since_offset DESC`

/**
 * The gaps of a partition do not overlap, so only the last gap that begins at or before an offset can contain that
 * offset. Finding this gap takes a single seek in the primary key for each offset, whereas `since <= offset AND until >
 * offset` would read every earlier gap.
 *
 * Gaps are deleted with FORCESEEK. The table variable contains the key of each gap, so a seek is always possible, and
 * no scan waits for the gaps of other partitions.
 */
const countPlaces = (outcomes: string) => `
UPDATE p
SET kind = CASE WHEN p.i IS NULL OR o.outcome = 'withheld' THEN 'parked' WHEN o.outcome = 'duplicate' THEN 'duplicate' ELSE 'stored' END,
  is_beyond = CASE WHEN p.log_offset >= t.next_offset THEN 1 ELSE 0 END
FROM @places AS p
JOIN @partitions AS t ON t.topic = p.topic AND t.log_partition = p.log_partition
LEFT JOIN ${outcomes} AS o ON o.i = p.i;

-- Every gap ends before next_offset, and most batches lie beyond it.
IF EXISTS (SELECT 1 FROM @places AS p WHERE p.is_beyond = 0)
BEGIN
  INSERT INTO @taken (topic, log_partition, log_offset, since_offset, until_offset, lost_by)
  SELECT p.topic, p.log_partition, p.log_offset, g.since_offset, g.until_offset, g.lost_by
  FROM @places AS p
  CROSS APPLY (${LAST_GAP('p', '<= p.log_offset')}
  ) AS g
  WHERE p.is_beyond = 0 AND g.until_offset > p.log_offset;

  UPDATE p
  SET gap_since = k.since_offset, gap_lost_by = k.lost_by
  FROM @places AS p
  JOIN @taken AS k ON k.topic = p.topic AND k.log_partition = p.log_partition AND k.log_offset = p.log_offset;

  -- The rest of each gap from which offsets were taken: before each offset, between them, and after the last.
  INSERT INTO @gaps (topic, log_partition, since_offset, until_offset, lost_by)
  SELECT x.topic, x.log_partition, COALESCE(x.before_offset + 1, x.since_offset), x.log_offset, x.lost_by
  FROM (
    SELECT k.topic, k.log_partition, k.log_offset, k.since_offset, k.lost_by,
      LAG(k.log_offset) OVER (PARTITION BY k.topic, k.log_partition, k.since_offset ORDER BY k.log_offset) AS before_offset
    FROM @taken AS k
  ) AS x
  WHERE COALESCE(x.before_offset + 1, x.since_offset) < x.log_offset;

  INSERT INTO @gaps (topic, log_partition, since_offset, until_offset, lost_by)
  SELECT k.topic, k.log_partition, MAX(k.log_offset) + 1, MAX(k.until_offset), MAX(k.lost_by)
  FROM @taken AS k
  GROUP BY k.topic, k.log_partition, k.since_offset
  HAVING MAX(k.log_offset) + 1 < MAX(k.until_offset);

  DELETE g
  FROM ledger_gaps AS g WITH (FORCESEEK)
  JOIN @taken AS k ON k.topic = g.topic AND k.log_partition = g.log_partition AND k.since_offset = g.since_offset
  WHERE g.group_id = @group;

  INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset, lost_by)
  SELECT @group, g.topic, g.log_partition, g.since_offset, g.until_offset, g.lost_by FROM @gaps AS g;
  DELETE FROM @gaps;
END;

-- The offsets that are passed over now: before the first new offset and between the new ones.
INSERT INTO @gaps (topic, log_partition, since_offset, until_offset)
SELECT x.topic, x.log_partition, COALESCE(x.before_offset + 1, x.next_offset), x.log_offset
FROM (
  SELECT p.topic, p.log_partition, p.log_offset, t.next_offset,
    LAG(p.log_offset) OVER (PARTITION BY p.topic, p.log_partition ORDER BY p.log_offset) AS before_offset
  FROM @places AS p
  JOIN @partitions AS t ON t.topic = p.topic AND t.log_partition = p.log_partition
  WHERE p.is_beyond = 1
) AS x
WHERE COALESCE(x.before_offset + 1, x.next_offset) < x.log_offset;

IF EXISTS (SELECT 1 FROM @gaps)
BEGIN
  -- A gap that begins where the last one ended is merged with it.
  INSERT INTO @touching (topic, log_partition, since_offset, until_offset)
  SELECT t.topic, t.log_partition, g.since_offset, t.next_offset
  FROM @partitions AS t
  CROSS APPLY (${LAST_GAP('t', '< t.next_offset')}
  ) AS g
  WHERE g.until_offset = t.next_offset AND g.lost_by IS NULL;

  UPDATE n
  SET since_offset = o.since_offset
  FROM @gaps AS n
  JOIN @touching AS o ON o.topic = n.topic AND o.log_partition = n.log_partition AND o.until_offset = n.since_offset;

  DELETE g
  FROM ledger_gaps AS g WITH (FORCESEEK)
  JOIN @gaps AS n ON n.topic = g.topic AND n.log_partition = g.log_partition AND n.since_offset = g.since_offset
  WHERE g.group_id = @group;

  INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset)
  SELECT @group, n.topic, n.log_partition, n.since_offset, n.until_offset FROM @gaps AS n;
END;

-- New offsets that did not arrive become gaps. Offsets that were taken out of a gap no longer count as one.
INSERT INTO @figures (
  topic, log_partition, first_offset, next_offset, is_known, stored, duplicate, parked, gaps, lost, redriven
)
SELECT x.topic, x.log_partition, x.old_next, x.new_next, x.is_known, x.stored, x.duplicate, x.parked,
  x.new_next - x.old_next - x.beyond - x.taken, -x.taken_from_lost, x.redriven
FROM (
  SELECT p.topic, p.log_partition, MAX(t.next_offset) AS old_next,
    MAX(CASE WHEN p.is_beyond = 1 THEN p.log_offset + 1 ELSE t.next_offset END) AS new_next,
    CAST(MAX(CAST(t.is_known AS INT)) AS BIT) AS is_known,
    SUM(CASE WHEN p.kind = 'stored' THEN 1 ELSE 0 END) AS stored,
    SUM(CASE WHEN p.kind = 'duplicate' THEN 1 ELSE 0 END) AS duplicate,
    SUM(CASE WHEN p.kind = 'parked' THEN 1 ELSE 0 END) AS parked,
    SUM(CASE WHEN p.is_beyond = 1 THEN 1 ELSE 0 END) AS beyond,
    SUM(CASE WHEN p.is_beyond = 0 THEN 1 ELSE 0 END) AS taken,
    SUM(CASE WHEN p.gap_lost_by IS NOT NULL THEN 1 ELSE 0 END) AS taken_from_lost,
    SUM(CASE WHEN p.is_redrive = 1 THEN 1 ELSE 0 END) AS redriven
  FROM @places AS p
  JOIN @partitions AS t ON t.topic = p.topic AND t.log_partition = p.log_partition
  WHERE p.is_beyond = 1 OR p.gap_since IS NOT NULL
  GROUP BY p.topic, p.log_partition
) AS x;

-- Updates row by row, by the whole key, because a join might scan the ledger and wait for rows that others have
-- locked.
SET @n = 1;
WHILE @n <= @last_n
BEGIN
  SELECT @topic = p.topic, @partition = p.log_partition FROM @partitions AS p WHERE p.n = @n;
  UPDATE l
  SET next_offset = f.next_offset, stored = l.stored + f.stored, duplicate = l.duplicate + f.duplicate,
    parked = l.parked + f.parked, gaps = l.gaps + f.gaps, lost = l.lost + f.lost, redriven = l.redriven + f.redriven
  FROM ledger AS l WITH (FORCESEEK)
  JOIN @figures AS f ON f.topic = l.topic AND f.log_partition = l.log_partition
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition AND f.is_known = 1;
  SET @n += 1;
END;

INSERT INTO ledger (
  group_id, topic, log_partition, first_offset, next_offset, stored, duplicate, parked, gaps, redriven
)
SELECT @group, f.topic, f.log_partition, f.first_offset, f.next_offset, f.stored, f.duplicate, f.parked, f.gaps, f.redriven
FROM @figures AS f
WHERE f.is_known = 0;

UPDATE q
SET counted = 1
FROM @parked AS q
JOIN @places AS p ON p.topic = q.topic AND p.log_partition = q.log_partition AND p.log_offset = q.log_offset
WHERE p.kind = 'parked' AND (p.is_beyond = 1 OR p.gap_since IS NOT NULL);
`

export const COUNT = countPlaces('@orders')

/**
 * Counts a batch that contains changes. Changes are numbered after the orders: the first change's `i` follows the last
 * order's.
 */
export const COUNT_WITH_CHANGES = countPlaces(`(
  SELECT x.i, x.outcome FROM @orders AS x
  UNION ALL
  SELECT c.i, c.outcome FROM @changes AS c WHERE c.i IS NOT NULL
)`)
