import { LETTER_COLUMNS } from '../dead-letters/letter-rows.ts'
import { conditionsOf, type LetterFilter } from '../dead-letters/dead-letters.ts'
import { INSERT_AUDIT, NOT_DECIDED_BEFORE, NOT_STORED_BEFORE } from '../dead-letters/audit.ts'
import { MAX_CLAIMED_BYTES } from '../../stores/redrive-tasks.ts'
import { recompiledBetweenTimes } from '../orders/order-views-sql.ts'

/**
 * Statements for redrive tasks. Operators create the tasks, and the process that has leased a task carries it out. Each
 * statement is one transaction.
 */

const START = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
`

const INSERT_TASK = `${START}
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3)), @task BIGINT, @missing NVARCHAR(400), @dead INT;
BEGIN TRANSACTION;
INSERT INTO redrive_tasks (id, state, created_at, updated_at, operator, reason, rate_per_second, step, due_at)
VALUES (@target, 'running', @time, @time, @operator, @reason, @rate, 0, 0);
SET @task = SCOPE_IDENTITY();
`
const KEEP_TASK_IF_DEAD = `
SELECT @dead = COUNT(*)
FROM redrive_letters AS r
JOIN dead_letters AS d ON d.kept_seq = r.kept_seq
WHERE r.task_seq = @task AND d.state = 'dead';
IF @missing IS NULL AND @dead > 0
BEGIN${INSERT_AUDIT('redrive')}
  COMMIT TRANSACTION;
END
ELSE
BEGIN
  ROLLBACK TRANSACTION;
END;
SELECT @missing AS missing, @dead AS dead;
`

/** @letters is an array of [id, topic, partition, offset]. */
export const CREATE_BY_IDS = `${INSERT_TASK}
DECLARE @named TABLE (letter_id NVARCHAR(400) NOT NULL, kept_seq BIGINT NULL);
INSERT INTO @named (letter_id, kept_seq)
SELECT n.letter_id, d.kept_seq
FROM OPENJSON(@letters) WITH (
  letter_id NVARCHAR(400) '$[0]', topic NVARCHAR(400) '$[1]', log_partition BIGINT '$[2]', log_offset BIGINT '$[3]'
) AS n
LEFT JOIN dead_letters AS d ON d.topic = n.topic COLLATE Latin1_General_100_BIN2
  AND d.log_partition = n.log_partition AND d.log_offset = n.log_offset AND d.removed_at IS NULL;
SELECT @missing = MIN(n.letter_id) FROM @named AS n WHERE n.kept_seq IS NULL;
INSERT INTO redrive_letters (task_seq, kept_seq)
SELECT DISTINCT @task, n.kept_seq FROM @named AS n WHERE n.kept_seq IS NOT NULL;
${KEEP_TASK_IF_DEAD}`

/**
 * Uses the index of one filter (dead_letters_by_…), whose entries are in the order in which the letters were inserted.
 */
const addLetters = (filters: readonly LetterFilter[], conditions: readonly string[]) => `
INSERT INTO redrive_letters (task_seq, kept_seq)
SELECT TOP (@limit) @task, d.kept_seq
FROM dead_letters AS d
WHERE ${[...conditions, "d.state = 'dead'", ...conditionsOf(filters)].join(' AND ')}
ORDER BY d.kept_seq${recompiledBetweenTimes(new Set(filters))};
`

/**
 * Creates a task with its first letters. As long as there may be more letters, the task keeps its filter and is leased
 * under its own id.
 */
export function createByFilter(filters: readonly LetterFilter[]): string {
  return `${INSERT_TASK}${addLetters(filters, [])}
IF @@ROWCOUNT = @limit
  UPDATE redrive_tasks SET due_at = @due, lease_owner = @target, gathering = @filter WHERE task_seq = @task;
${KEEP_TASK_IF_DEAD}`
}

/** Adds the next letters to a task that may not have all of its letters yet. The task's owner repeats this step. */
export function gatherLetters(filters: readonly LetterFilter[]): string {
  return `${START}
DECLARE @task BIGINT, @after BIGINT, @more INT;
BEGIN TRANSACTION;
UPDATE redrive_tasks SET due_at = @due
WHERE id = @id AND state = 'running' AND lease_owner = @owner AND gathering IS NOT NULL;
IF @@ROWCOUNT > 0
  SELECT @task = t.task_seq FROM redrive_tasks AS t WHERE t.id = @id;
SELECT @after = COALESCE(MAX(r.kept_seq), 0) FROM redrive_letters AS r WHERE r.task_seq = @task;
${addLetters(filters, ['@task IS NOT NULL', 'd.kept_seq > @after'])}
SET @more = CASE WHEN @@ROWCOUNT = @limit THEN 1 ELSE 0 END;
IF @more = 0
  UPDATE redrive_tasks SET due_at = 0, lease_owner = NULL, gathering = NULL WHERE task_seq = @task;
COMMIT TRANSACTION;
SELECT @more AS has_more;
`
}

/**
 * A task that is being removed (port Retention) is not shown. Uses the unique index on the id and, for the outcomes,
 * the primary keys. The cost grows with the number of letters in the task.
 */
export const SELECT_TASK = `
SET NOCOUNT ON;
DECLARE @task BIGINT, @step INT;
SELECT @task = t.task_seq, @step = t.step FROM redrive_tasks AS t WHERE t.id = @id AND t.removed_at IS NULL;
SELECT t.id, t.state, t.why, t.created_at, t.updated_at, t.operator, t.reason, t.rate_per_second, t.step
FROM redrive_tasks AS t
WHERE t.task_seq = @task;
SELECT x.noted, x.last, x.state, COUNT(*) AS letters, SUM(x.retrying) AS retrying
FROM (
  SELECT CASE WHEN r.step IS NULL THEN 0 ELSE 1 END AS noted, CASE WHEN r.step = @step THEN 1 ELSE 0 END AS last, d.state,
    CASE
      WHEN d.state = 'redriven' AND COALESCE(c.state, s.status) = 'retrying' THEN 1
      ELSE 0
    END AS retrying
  FROM redrive_letters AS r
  JOIN dead_letters AS d ON d.kept_seq = r.kept_seq
  LEFT JOIN order_states AS s ON s.order_id = d.order_id AND d.change_id IS NULL
  LEFT JOIN order_changes AS c ON c.change_id = d.change_id
  WHERE r.task_seq = @task
) AS x
GROUP BY x.noted, x.last, x.state;
`

/** Uses the primary key. */
export const SELECT_TASK_IDS = `
SELECT TOP (@limit) t.task_seq, t.id
FROM redrive_tasks AS t
WHERE t.task_seq < @before AND t.removed_at IS NULL
ORDER BY t.task_seq DESC;
`

/**
 * Leases a task that is due, or that this owner failed to release, but not a task that another process is leasing at
 * the same moment. Uses redrive_tasks_running. With READ_COMMITTED_SNAPSHOT on, READPAST requires READCOMMITTEDLOCK
 * ("Table hints"). The UPDATE checks the condition again, because a server that ignores these hints may return the same
 * task to two processes.
 */
export const LEASE = `${START}
DECLARE @task BIGINT;
BEGIN TRANSACTION;
SELECT TOP (1) @task = t.task_seq
FROM redrive_tasks AS t WITH (UPDLOCK, READPAST, READCOMMITTEDLOCK)
WHERE t.state = 'running' AND (t.due_at <= @now OR t.lease_owner = @owner)
ORDER BY t.due_at;
UPDATE redrive_tasks SET due_at = @now + @lease, lease_owner = @owner
WHERE task_seq = @task AND state = 'running' AND (due_at <= @now OR lease_owner = @owner);
IF @@ROWCOUNT = 0
  SET @task = NULL;
COMMIT TRANSACTION;
SELECT t.id, t.gathering FROM redrive_tasks AS t WHERE t.task_seq = @task;
`

/**
 * Returns the letters that the current step has claimed but not sent. If there are none, claims the next waiting
 * letters as a new step. A claim contains the first waiting letter, and as many of the letters after it as the size
 * limit allows. Uses redrive_letters_by_step, whose entries are in the order in which the letters were inserted. The
 * server knows a payload's size without reading the payload.
 */
export const CLAIM = `${START}
DECLARE @task BIGINT, @step INT, @isNew BIT = 0;
DECLARE @claimed TABLE (kept_seq BIGINT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
BEGIN TRANSACTION;
UPDATE redrive_tasks SET step = step WHERE id = @id AND state = 'running' AND lease_owner = @owner;
IF @@ROWCOUNT > 0
  SELECT @task = t.task_seq, @step = t.step FROM redrive_tasks AS t WHERE t.id = @id;
INSERT INTO @claimed (kept_seq, bytes)
SELECT TOP (@limit) r.kept_seq, COALESCE(DATALENGTH(d.record_value), 0)
FROM redrive_letters AS r
JOIN dead_letters AS d ON d.kept_seq = r.kept_seq
WHERE r.task_seq = @task AND r.step = @step AND @step > 0 AND d.state = 'dead'
ORDER BY r.kept_seq;
IF NOT EXISTS (SELECT 1 FROM @claimed)
BEGIN
  SET @isNew = 1;
  INSERT INTO @claimed (kept_seq, bytes)
  SELECT TOP (@limit) r.kept_seq, COALESCE(DATALENGTH(d.record_value), 0)
  FROM redrive_letters AS r
  JOIN dead_letters AS d ON d.kept_seq = r.kept_seq
  WHERE r.task_seq = @task AND r.step IS NULL AND d.state = 'dead'
  ORDER BY r.kept_seq;
END;
DELETE c
FROM @claimed AS c
JOIN (
  SELECT k.kept_seq, SUM(k.bytes) OVER (ORDER BY k.kept_seq ROWS UNBOUNDED PRECEDING) AS total,
    ROW_NUMBER() OVER (ORDER BY k.kept_seq) AS n
  FROM @claimed AS k
) AS s ON s.kept_seq = c.kept_seq
WHERE s.n > 1 AND s.total > ${MAX_CLAIMED_BYTES};
IF @isNew = 1 AND EXISTS (SELECT 1 FROM @claimed)
BEGIN
  UPDATE redrive_tasks SET step = @step + 1 WHERE task_seq = @task;
  UPDATE r
  SET step = @step + 1
  FROM redrive_letters AS r
  JOIN @claimed AS c ON c.kept_seq = r.kept_seq
  WHERE r.task_seq = @task;
END;
COMMIT TRANSACTION;
SELECT ${LETTER_COLUMNS}
FROM @claimed AS c
JOIN dead_letters AS d ON d.kept_seq = c.kept_seq
ORDER BY d.kept_seq;
`

/** A letter may already be resolved, because its record may be stored before the sender reports it as sent. */
export const MARK_SENT = `${START}
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3)), @reason NVARCHAR(MAX);
DECLARE @sent TABLE (
  i INT NOT NULL PRIMARY KEY, kept_seq BIGINT NOT NULL, order_id UNIQUEIDENTIFIER NULL, change_id UNIQUEIDENTIFIER NULL
);
BEGIN TRANSACTION;
UPDATE redrive_tasks SET updated_at = @time WHERE id = @id;
SELECT @reason = t.reason FROM redrive_tasks AS t WHERE t.id = @id;
INSERT INTO @sent (i, kept_seq, order_id, change_id)
SELECT n.i, d.kept_seq, CASE WHEN d.foreign_failure IS NULL THEN d.order_id END, d.change_id
FROM OPENJSON(@letters) WITH (
  i INT '$[0]', topic NVARCHAR(400) '$[1]', log_partition BIGINT '$[2]', log_offset BIGINT '$[3]'
) AS n
JOIN dead_letters AS d ON d.topic = n.topic COLLATE Latin1_General_100_BIN2
  AND d.log_partition = n.log_partition AND d.log_offset = n.log_offset;
UPDATE d
SET state = 'redriven'
FROM dead_letters AS d
JOIN @sent AS s ON s.kept_seq = d.kept_seq
WHERE d.state = 'dead';
INSERT INTO order_history (order_id, happened_at, kind, reason)
SELECT s.order_id, @time, 'redriven', @reason
FROM @sent AS s
WHERE s.order_id IS NOT NULL AND s.change_id IS NULL AND ${NOT_STORED_BEFORE('s.order_id')}
ORDER BY s.i;
INSERT INTO order_change_history (order_id, change_id, happened_at, kind, reason)
SELECT s.order_id, s.change_id, @time, 'redriven', @reason
FROM @sent AS s
WHERE s.order_id IS NOT NULL AND s.change_id IS NOT NULL AND ${NOT_DECIDED_BEFORE('s.change_id')}
ORDER BY s.i;
COMMIT TRANSACTION;
`

export const POSTPONE = `
UPDATE redrive_tasks SET due_at = @due, lease_owner = NULL
WHERE id = @id AND state = 'running' AND lease_owner = @owner;
`

export const END_TASK = `${START}
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
BEGIN TRANSACTION;
UPDATE redrive_tasks
SET due_at = @due, lease_owner = NULL, state = CAST(@ending AS VARCHAR(20)), why = @reason, updated_at = @time
WHERE id = @target AND state = 'running' AND lease_owner = @owner;
IF @@ROWCOUNT > 0 AND @reason IS NOT NULL
BEGIN${INSERT_AUDIT('stop')}
END;
COMMIT TRANSACTION;
`

const LOCK_TASK = `${START}
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3)), @task BIGINT, @state VARCHAR(20);
BEGIN TRANSACTION;
UPDATE redrive_tasks SET step = step WHERE id = @target;
SELECT @task = t.task_seq, @state = t.state FROM redrive_tasks AS t WHERE t.id = @target AND t.removed_at IS NULL;
`

export const CANCEL = `${LOCK_TASK}
IF @state = 'running'
BEGIN
  UPDATE redrive_tasks SET state = 'cancelled', lease_owner = NULL, updated_at = @time WHERE task_seq = @task;
${INSERT_AUDIT('cancel')}
END;
COMMIT TRANSACTION;
SELECT @state AS state;
`

/**
 * Makes a task ready to resume, in steps that follow the primary key. A letter that was claimed but not sent becomes a
 * waiting letter again. A letter that was already sent can no longer cause the task to stop. Each step begins after the
 * letter that the previous step returned, and the last step returns none. The task does not run during these steps.
 */
export const FORGET_STEPS = `${START}
DECLARE @task BIGINT;
DECLARE @page TABLE (kept_seq BIGINT NOT NULL PRIMARY KEY);
BEGIN TRANSACTION;
UPDATE redrive_tasks SET step = step WHERE id = @id AND state IN ('stopped', 'cancelled') AND removed_at IS NULL;
IF @@ROWCOUNT > 0
  SELECT @task = t.task_seq FROM redrive_tasks AS t WHERE t.id = @id;
INSERT INTO @page (kept_seq)
SELECT TOP (@limit) r.kept_seq
FROM redrive_letters AS r
WHERE r.task_seq = @task AND r.kept_seq > @last
ORDER BY r.kept_seq;
UPDATE r
SET step = CASE WHEN d.state = 'dead' THEN NULL ELSE -1 END
FROM redrive_letters AS r
JOIN @page AS p ON p.kept_seq = r.kept_seq
JOIN dead_letters AS d ON d.kept_seq = r.kept_seq
WHERE r.task_seq = @task AND r.step IS NOT NULL;
COMMIT TRANSACTION;
SELECT MAX(p.kept_seq) AS last_seq FROM @page AS p;
`

export const RESUME = `${LOCK_TASK}
IF @state IN ('stopped', 'cancelled')
BEGIN
  UPDATE redrive_tasks SET state = 'running', step = 0, why = NULL, lease_owner = NULL, updated_at = @time
  WHERE task_seq = @task;
${INSERT_AUDIT('resume')}
END;
COMMIT TRANSACTION;
SELECT @state AS state;
`

/** Uses the primary key or audit_by_target. */
export function selectAudit(ofTarget: boolean): string {
  return `
SELECT TOP (@limit) a.entry, a.happened_at, a.action, a.target, a.operator, a.verified, a.reason
FROM audit AS a
WHERE a.entry < @before${ofTarget ? ' AND a.target = @target' : ''}
ORDER BY a.entry DESC;
`
}
