import type { Maintenance } from '../../../ports/maintenance.ts'
import { int, json, text } from '../database/connection.ts'
import { lockPartition } from '../database/locks.ts'
import { actParameters, INSERT_AUDIT } from '../dead-letters/audit.ts'
import type { Query } from '../database/query.ts'
import { LOCK_FORGETTING } from '../forgetting/forgotten-customers-sql.ts'
import { toGroup } from '../database/columns.ts'

/**
 * The maximum number of rows that a statement deletes. Each row takes three locks, and a statement that takes 5,000
 * locks on a table locks the whole table
 * (learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide).
 */
const FORGOTTEN_AT_ONCE = 1000

/**
 * One step of a reset. The caller repeats it until nothing is left to delete; the last step begins the new epoch. The
 * same positions hold other records in the new log, so everything known about the old positions is deleted first, in
 * steps. A reset that stops halfway leaves the old ledger in place, with part of its history deleted, and the next
 * reset continues from there. Each step first locks the group's partitions, so that nothing is counted in the meantime
 * (locks.ts).
 */
export const RESET_LEDGER = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @epoch TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  first_offset BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, log_partition)
);
INSERT INTO @epoch (topic, log_partition, first_offset, next_offset)
SELECT e.topic, e.log_partition, e.first_offset, e.next_offset
FROM OPENJSON(@epochs) WITH (
  topic NVARCHAR(249) '$.topic', log_partition INT '$.partition', first_offset BIGINT '$.first', next_offset BIGINT '$.next'
) AS e;
DECLARE @partitions TABLE (
  n BIGINT NOT NULL PRIMARY KEY,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL
);
INSERT INTO @partitions (n, topic, log_partition)
SELECT ROW_NUMBER() OVER (ORDER BY l.topic, l.log_partition), l.topic, l.log_partition
FROM ledger AS l
WHERE l.group_id = @group;
DECLARE @n BIGINT = 1;
DECLARE @last_n BIGINT = (SELECT COUNT(*) FROM @partitions);
DECLARE @topic NVARCHAR(249), @partition INT, @left INT;
BEGIN TRANSACTION;${LOCK_FORGETTING}
WHILE @n <= @last_n
BEGIN
  SELECT @topic = p.topic, @partition = p.log_partition FROM @partitions AS p WHERE p.n = @n;
${lockPartition('@group', '@topic', '@partition')}
  SET @n += 1;
END;
UPDATE ledger_logs SET log_id = log_id WHERE group_id = @group AND topic = @target;
DELETE TOP (@limit) FROM parked_records WHERE group_id = @group;
SET @left = CASE WHEN @@ROWCOUNT = @limit THEN 1 ELSE 0 END;
IF @left = 0
BEGIN
  DELETE TOP (@limit) FROM ledger_gaps WHERE group_id = @group;
  SET @left = CASE WHEN @@ROWCOUNT = @limit THEN 1 ELSE 0 END;
END;
IF @left = 0
BEGIN
  DELETE TOP (@limit) FROM ledger WHERE group_id = @group;
  SET @left = CASE WHEN @@ROWCOUNT = @limit THEN 1 ELSE 0 END;
  DELETE TOP (@limit) FROM ledger_logs WHERE group_id = @group;
  IF @@ROWCOUNT = @limit
    SET @left = 1;
END;
IF @left = 0
BEGIN
  INSERT INTO ledger (
    group_id, topic, log_partition, first_offset, next_offset, stored, duplicate, parked, gaps, redriven
  )
  SELECT @group, e.topic, e.log_partition, e.first_offset, e.next_offset, 0, 0, 0, e.next_offset - e.first_offset, 0
  FROM @epoch AS e;
  INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset)
  SELECT @group, e.topic, e.log_partition, e.first_offset, e.next_offset
  FROM @epoch AS e
  WHERE e.next_offset > e.first_offset;
  INSERT INTO ledger_logs (group_id, topic, log_id) VALUES (@group, @target, @logId);
${INSERT_AUDIT('reset-ledger')}
END;
COMMIT TRANSACTION;
SELECT @left AS more_to_forget;
`

export function createResetLedger(query: Query): Maintenance['resetLedger'] {
  return async function resetLedger(groupId, { topic, logId, partitions }, act) {
    const parameters = {
      ...actParameters(topic, act),
      group: toGroup(groupId),
      epochs: json(partitions.map((partition) => ({ topic, ...partition }))),
      logId: text(logId),
      limit: int(FORGOTTEN_AT_ONCE),
    }
    for (;;) {
      const [[row] = []] = await query(RESET_LEDGER, parameters)
      if (Number(row?.['more_to_forget']) === 0) return
    }
  }
}
