import { isSettled } from '../archive/archive-sql.ts'
import { lockChanges, lockStates, lockStored } from '../database/locks.ts'

/**
 * The statements that remove old rows in steps (port Retention). None of them decides what becomes of a record, so none
 * locks a partition. Two processes may choose the same rows at once: one waits for the other and then finds the rows
 * changed or gone. FORCESEEK keeps a step from waiting for rows that other transactions are writing.
 */
const START = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@before AS DATETIME2(3)), @removed INT = 0;
`

/**
 * Removes the content of the oldest settled letters that belong to no running task. Decisions about a record depend on
 * whether its letter is foreign and whether the letter was edited, so `foreign_failure` and `edited_value` are emptied
 * but do not become null. The UPDATE repeats the conditions, because an operator may have restored a letter in the
 * meantime. Uses dead_letters_settled, redrive_tasks_running and the primary keys.
 */
export const REMOVE_LETTERS = `${START}
DECLARE @page TABLE (kept_seq BIGINT NOT NULL PRIMARY KEY);
INSERT INTO @page (kept_seq)
SELECT TOP (@limit) d.kept_seq
FROM dead_letters AS d
WHERE d.settled_at IS NOT NULL AND d.removed_at IS NULL AND d.settled_at < @time
  AND d.state IN ('resolved', 'superseded', 'discarded') AND NOT EXISTS (
    SELECT 1
    FROM redrive_tasks AS t
    JOIN redrive_letters AS r ON r.task_seq = t.task_seq
    WHERE t.state = 'running' AND r.kept_seq = d.kept_seq
  )
ORDER BY d.settled_at;
UPDATE d
SET removed_at = SYSUTCDATETIME(), record_key = NULL, record_value = NULL, headers = N'[]', stack = NULL,
  redrive_of = NULL, edited_value = CASE WHEN d.edited_value IS NULL THEN NULL ELSE 0x END,
  foreign_failure = CASE WHEN d.foreign_failure IS NULL THEN NULL ELSE N'{}' END, first_code = N'', first_detail = N'',
  last_code = N'', last_detail = N'', fingerprint = N'', consumer_group = N''
FROM dead_letters AS d WITH (FORCESEEK)
JOIN @page AS p ON p.kept_seq = d.kept_seq
WHERE d.removed_at IS NULL AND d.settled_at < @time AND d.state IN ('resolved', 'superseded', 'discarded');
SET @removed = @@ROWCOUNT;
SELECT @removed AS removed;
`

/**
 * The condition that nothing is pending for a row's order, and that the order's last entry is old. Uses the indexes on
 * order_id.
 */
const isOver = (order: string) => `NOT EXISTS (
    SELECT 1 FROM order_states AS s WHERE s.order_id = ${order}.order_id AND s.status <> 'discarded'
  )
  AND NOT EXISTS (SELECT 1 FROM order_history AS e WHERE e.order_id = ${order}.order_id AND e.happened_at >= @time)
  AND NOT EXISTS (SELECT 1 FROM order_change_history AS e WHERE e.order_id = ${order}.order_id AND e.happened_at >= @time)
  AND ${isSettled(order)}`

/**
 * Examines the next entries in the order in which they were written, which is nearly chronological. If nothing is
 * pending for an order and its last entry is old, its entries are deleted up to this point. That includes entries that
 * an earlier round kept because the order's last entry was still new.
 *
 * Orders are chosen without locks, so that orders whose entries are kept are never locked. The transaction then locks
 * the chosen orders and their changes, as restoring a letter does, and leaves out the orders for which something has
 * become pending. The DELETE checks the age of each entry again, because an entry may be committed after others with
 * higher numbers. Uses the primary key and the indexes on order_id.
 */
const removeEntries = (table: 'order_history' | 'order_change_history') => `${START}
DECLARE @page TABLE (entry BIGINT NOT NULL PRIMARY KEY, order_id UNIQUEIDENTIFIER NOT NULL, is_old INT NOT NULL);
DECLARE @over TABLE (order_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @last_entry BIGINT;
INSERT INTO @page (entry, order_id, is_old)
SELECT TOP (@limit) h.entry, h.order_id, CASE WHEN h.happened_at < @time THEN 1 ELSE 0 END
FROM ${table} AS h
WHERE h.entry > @last
ORDER BY h.entry;
SET @last_entry = (SELECT MAX(p.entry) FROM @page AS p);
INSERT INTO @over (order_id)
SELECT DISTINCT p.order_id
FROM @page AS p
WHERE p.is_old = 1
  AND ${isOver('p')};
BEGIN TRANSACTION;
${lockChanges('@over')}${lockStates('@over')}${lockStored('@over')}
DELETE x
FROM @over AS x
WHERE NOT (${isOver('x')});
UPDATE r
SET removed_before = @time
FROM removed_histories AS r
JOIN @over AS o ON o.order_id = r.order_id
WHERE r.removed_before < @time;
INSERT INTO removed_histories (order_id, removed_before)
SELECT o.order_id, @time
FROM @over AS o
WHERE NOT EXISTS (SELECT 1 FROM removed_histories AS r WHERE r.order_id = o.order_id);
DELETE h
FROM ${table} AS h WITH (FORCESEEK)
JOIN @over AS o ON o.order_id = h.order_id
WHERE h.entry <= @last_entry AND h.happened_at < @time;
SET @removed = @@ROWCOUNT;
COMMIT TRANSACTION;
SELECT @removed AS removed, COUNT(*) AS entries, SUM(p.is_old) AS old_entries, @last_entry AS last_entry FROM @page AS p;
`
export const REMOVE_HISTORIES = removeEntries('order_history')
export const REMOVE_CHANGE_HISTORIES = removeEntries('order_change_history')

/** Uses audit_by_time. */
export const REMOVE_AUDIT = `${START}
DELETE TOP (@limit) FROM audit WHERE happened_at < @time;
SET @removed = @@ROWCOUNT;
SELECT @removed AS removed;
`

/**
 * Removes the task that ended first. Its list of letters is removed before the task itself, in several steps if the
 * list is long. After the first step, the task is no longer shown and cannot be resumed. Uses redrive_tasks_ended and
 * the primary keys.
 */
export const REMOVE_REDRIVES = `${START}
DECLARE @task BIGINT, @left INT = 0;
BEGIN TRANSACTION;
SELECT TOP (1) @task = t.task_seq
FROM redrive_tasks AS t
WHERE t.state <> 'running' AND t.updated_at < @time
ORDER BY t.updated_at;
UPDATE redrive_tasks SET removed_at = COALESCE(removed_at, SYSUTCDATETIME())
WHERE task_seq = @task AND state <> 'running' AND updated_at < @time;
IF @@ROWCOUNT = 0
  SET @task = NULL;
DELETE TOP (@limit) FROM redrive_letters WHERE task_seq = @task;
IF @@ROWCOUNT = @limit
  SET @left = 1;
IF @left = 0
BEGIN
  DELETE FROM redrive_tasks WHERE task_seq = @task;
  SET @removed = @@ROWCOUNT;
END;
COMMIT TRANSACTION;
SELECT @removed AS removed, @task AS task_seq;
`
