/**
 * Counts offsets. Only those at or beyond `next_offset` count, and those that were passed over as a gap and came after
 * all; any other was counted before. So the figures always add up to `next_offset − first_offset`, which the table checks.
 *
 * Parts of STORE_BATCH: @partitions are those of the batch in the order of topic and partition, numbered from 1;
 * @places is one row for each offset, `i` the order that came from it, or null for what is parked.
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
  gap_until BIGINT NULL,
  gap_lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  PRIMARY KEY (topic, log_partition, log_offset)
);
DECLARE @gaps TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
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
SELECT p.n, p.topic, p.log_partition, p.log_start, 0
FROM OPENJSON(@batch, '$.partitions') WITH (
  n INT '$.n', topic NVARCHAR(4000) '$.topic', log_partition INT '$.partition', log_start BIGINT '$.logStart'
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

/** Row by row, so that everyone locks them in the same order: whoever waits here holds nothing that the other needs. */
export const LOCK_LEDGER = `
WHILE @n <= @last_n
BEGIN
  SELECT @topic = p.topic, @partition = p.log_partition FROM @partitions AS p WHERE p.n = @n;
  SET @next = NULL;
  SELECT @next = l.next_offset FROM ledger AS l WITH (UPDLOCK, HOLDLOCK)
  WHERE l.group_id = @group AND l.topic = @topic AND l.log_partition = @partition;
  IF @next IS NOT NULL
    UPDATE @partitions SET next_offset = @next, is_known = 1 WHERE n = @n;
  SET @n += 1;
END;
`

export const COUNT = `
UPDATE p
SET kind = CASE WHEN p.i IS NULL OR o.outcome = 'withheld' THEN 'parked' WHEN o.outcome = 'duplicate' THEN 'duplicate' ELSE 'stored' END,
  is_beyond = CASE WHEN p.log_offset >= t.next_offset THEN 1 ELSE 0 END,
  gap_since = g.since_offset,
  gap_until = g.until_offset,
  gap_lost_by = g.lost_by
FROM @places AS p
JOIN @partitions AS t ON t.topic = p.topic AND t.log_partition = p.log_partition
LEFT JOIN @orders AS o ON o.i = p.i
LEFT JOIN ledger_gaps AS g ON g.group_id = @group AND g.topic = p.topic AND g.log_partition = p.log_partition
  AND g.since_offset <= p.log_offset AND g.until_offset > p.log_offset;

-- What is left of gaps that something was taken out of: before each, between, and after the last.
INSERT INTO @gaps (topic, log_partition, since_offset, until_offset, lost_by)
SELECT x.topic, x.log_partition, COALESCE(x.before_offset + 1, x.gap_since), x.log_offset, x.gap_lost_by
FROM (
  SELECT p.topic, p.log_partition, p.log_offset, p.gap_since, p.gap_lost_by,
    LAG(p.log_offset) OVER (PARTITION BY p.topic, p.log_partition, p.gap_since ORDER BY p.log_offset) AS before_offset
  FROM @places AS p
  WHERE p.gap_since IS NOT NULL
) AS x
WHERE COALESCE(x.before_offset + 1, x.gap_since) < x.log_offset;

INSERT INTO @gaps (topic, log_partition, since_offset, until_offset, lost_by)
SELECT p.topic, p.log_partition, MAX(p.log_offset) + 1, MAX(p.gap_until), MAX(p.gap_lost_by)
FROM @places AS p
WHERE p.gap_since IS NOT NULL
GROUP BY p.topic, p.log_partition, p.gap_since
HAVING MAX(p.log_offset) + 1 < MAX(p.gap_until);

DELETE g
FROM ledger_gaps AS g
JOIN @places AS p ON p.topic = g.topic AND p.log_partition = g.log_partition AND p.gap_since = g.since_offset
WHERE g.group_id = @group;

-- What is passed over now: before the first beyond, and between them.
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

INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset, lost_by)
SELECT @group, g.topic, g.log_partition, g.since_offset, g.until_offset, g.lost_by FROM @gaps AS g;

-- Of the new offsets, those that did not come are gaps; those that came out of a gap are none any more.
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

UPDATE l
SET next_offset = f.next_offset, stored = l.stored + f.stored, duplicate = l.duplicate + f.duplicate,
  parked = l.parked + f.parked, gaps = l.gaps + f.gaps, lost = l.lost + f.lost, redriven = l.redriven + f.redriven
FROM ledger AS l
JOIN @figures AS f ON f.topic = l.topic AND f.log_partition = l.log_partition
WHERE l.group_id = @group AND f.is_known = 1;

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
