import { lookForTurns } from '../changes/order-changes-sql.ts'
import { INSERT_AUDIT, NOT_STORED_BEFORE } from './audit.ts'
import { ORIGIN_TOPIC } from './letter-topic.ts'
import type { Cause } from '../../../domain/order-view.ts'
import { ORDER_DISCARDED } from '../../../domain/changes/turns.ts'
import { EARLIER_DISCARDED } from '../../stores/change-refusals.ts'
import { lockPartition } from '../database/locks.ts'

/**
 * Operators' actions on one letter, each in one transaction. Each returns the letter's previous state, and changes
 * nothing if that state does not allow the action. A foreign letter is treated as a letter that belongs to no order.
 *
 * The state is read after all locks have been taken (locks.ts). While the partition is locked, no other transaction can
 * store the record or keep its letter. The order's lock matters if the last two letters of an order are discarded at
 * the same time: the second discard then sees the first. A letter's order, group and position never change, so they are
 * read before locking.
 */
const DECLARE = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @kept BIGINT, @state VARCHAR(20), @order UNIQUEIDENTIFIER, @group NVARCHAR(200), @change UNIQUEIDENTIFIER,
  @of UNIQUEIDENTIFIER;
DECLARE @behind TABLE (change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @rejected TABLE (turn BIGINT NOT NULL, change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
`
/** The SQL in `lockMore` runs after the order's status has been locked, as LOCK_ORDER requires. */
const lockLetter = (lockMore = '') => `
SELECT @kept = d.kept_seq, @group = d.consumer_group,
  @order = CASE WHEN d.foreign_failure IS NULL AND d.change_id IS NULL THEN d.order_id END,
  @of = CASE WHEN d.foreign_failure IS NULL THEN d.order_id END,
  @change = CASE WHEN d.foreign_failure IS NULL THEN d.change_id END
FROM dead_letters AS d
WHERE d.topic = @topic AND d.log_partition = @partition AND d.log_offset = @offset;
BEGIN TRANSACTION;${lockPartition('@group', ORIGIN_TOPIC('@topic'), '@partition')}
UPDATE order_changes SET attempt = attempt WHERE change_id = @change;
UPDATE order_states SET attempt = attempt WHERE order_id = @order;${lockMore}
UPDATE dead_letters SET attempts = attempts WHERE kept_seq = @kept;
SELECT @state = d.state FROM dead_letters AS d WHERE d.kept_seq = @kept AND d.removed_at IS NULL;
`
const START = `${DECLARE}${lockLetter()}`
const END = `
COMMIT TRANSACTION;
SELECT @state AS state, @change AS change_id;
${lookForTurns('(SELECT @of AS order_id)')}`

const tell = (kind: string) => `
  INSERT INTO order_history (order_id, happened_at, kind, reason)
  SELECT @order, @time, '${kind}', @reason WHERE @order IS NOT NULL AND ${NOT_STORED_BEFORE('@order')};
`

/** Moves the letter and its parked record to another state. */
const move = (from: 'dead' | 'discarded', to: 'dead' | 'discarded') => `
  UPDATE dead_letters SET state = '${to}', settled_at = ${to === 'discarded' ? '@time' : 'NULL'} WHERE kept_seq = @kept;
  UPDATE parked_records SET state = '${to}', updated_at = @time
  WHERE group_id = @group AND topic = ${ORIGIN_TOPIC('@topic')} AND log_partition = @partition AND log_offset = @offset
    AND state = '${from}';
`

const tellOfChange = (kind: string) => `
    INSERT INTO order_change_history (order_id, change_id, happened_at, kind, reason)
    VALUES (@of, @change, @time, '${kind}', @reason);`

/**
 * Moves the row of the change to which the letter belongs to another state, unless the row now belongs to another
 * record that is not discarded. A record that fails again after its letter was discarded takes the row over, but nobody
 * can act on its letter.
 */
const moveChange = (from: string, to: string) => `
  UPDATE c SET state = '${to}', updated_at = @time
  FROM order_changes AS c
  WHERE c.change_id = @change AND c.order_id = @of AND c.state = '${from}' AND (
    (c.origin_topic = ${ORIGIN_TOPIC('@topic')} AND c.origin_partition = @partition AND c.origin_offset = @offset)
    OR EXISTS (
      SELECT 1 FROM parked_records AS r
      WHERE r.group_id = @group AND r.topic = c.origin_topic AND r.log_partition = c.origin_partition
        AND r.log_offset = c.origin_offset AND r.state = 'discarded'
    )
  );`

/**
 * Rejects the changes in @behind that are still waiting. A change that is being recorded from another partition at the
 * same time is not in @behind, and takes its turn afterwards (turns-sql.ts).
 */
const rejectBehind = ({ code, detail }: Cause) => `
    UPDATE c
    SET attempt = c.attempt
    FROM order_changes AS c WITH (FORCESEEK)
    JOIN @behind AS b ON b.change_id = c.change_id;
    INSERT INTO @rejected (turn, change_id)
    SELECT c.turn, c.change_id
    FROM @behind AS b
    JOIN order_changes AS c ON c.change_id = b.change_id
    WHERE c.state = 'waiting';
    UPDATE c
    SET state = 'rejected', cause_code = '${code}', cause_detail = N'${detail}', updated_at = @time
    FROM order_changes AS c WITH (FORCESEEK)
    JOIN @rejected AS r ON r.change_id = c.change_id;`
const TELL_REJECTED = `
    INSERT INTO order_change_history (order_id, change_id, happened_at, kind, cause_code, cause_detail)
    SELECT c.order_id, c.change_id, @time, 'change-rejected', c.cause_code, c.cause_detail
    FROM @rejected AS r
    JOIN order_changes AS c ON c.change_id = r.change_id
    ORDER BY r.turn;`

/**
 * Discards a letter. If the letter belongs to the order itself, not to a change, and is the order's last open letter,
 * this also discards the order and rejects the changes that are waiting for it, up to the first change that is retrying
 * or dead-lettered. If the letter belongs to a change, this rejects the changes that wait behind that change.
 */
const DISCARD_LETTER = `
IF @state = 'dead'
BEGIN${move('dead', 'discarded')}
  UPDATE order_states SET status = 'discarded', updated_at = @time
  WHERE order_id = @order AND status = 'dead-lettered'
    AND NOT EXISTS (
      SELECT 1 FROM dead_letters AS d
      WHERE d.order_id = @order AND d.change_id IS NULL AND d.state IN ('dead', 'redriven') AND d.foreign_failure IS NULL
    );
  IF @@ROWCOUNT > 0
  BEGIN${tell('discarded')}
    INSERT INTO @behind (change_id)
    SELECT c.change_id
    FROM order_changes AS c
    WHERE c.order_id = @order AND c.state = 'waiting' AND c.turn IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM order_changes AS h
      WHERE h.order_id = @order AND h.turn < c.turn AND h.state IN ('retrying', 'dead-lettered')
    );${rejectBehind(ORDER_DISCARDED)}${TELL_REJECTED}
  END;${moveChange('dead-lettered', 'discarded')}
  IF @@ROWCOUNT > 0
  BEGIN${tellOfChange('discarded')}
    INSERT INTO @behind (change_id)
    SELECT c.change_id
    FROM order_changes AS c
    JOIN order_changes AS h ON h.order_id = c.order_id AND h.turn < c.turn
    WHERE c.order_id = @of AND c.state = 'waiting' AND h.change_id = @change;${rejectBehind(EARLIER_DISCARDED)}${TELL_REJECTED}
  END;${INSERT_AUDIT('discard')}
END;`

export const DISCARD = `${START}${DISCARD_LETTER}${END}`

/**
 * Discards each letter in its own transaction, so that no transaction locks more than DISCARD does, and so that two
 * such statements cannot deadlock by locking the letters in different sequences. A statement that is retried after a
 * deadlock skips the letters that it has already discarded. @letters is an array of [n, id, topic, partition, offset],
 * and n starts at 1.
 */
export const DISCARD_MANY = `${DECLARE}
DECLARE @named TABLE (
  n INT NOT NULL PRIMARY KEY,
  letter_id NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL
);
INSERT INTO @named (n, letter_id, topic, log_partition, log_offset)
SELECT l.n, l.letter_id, l.topic, l.log_partition, l.log_offset
FROM OPENJSON(@letters) WITH (
  n INT '$[0]', letter_id NVARCHAR(400) '$[1]', topic NVARCHAR(249) '$[2]', log_partition INT '$[3]', log_offset BIGINT '$[4]'
) AS l;
DECLARE @touched TABLE (order_id UNIQUEIDENTIFIER NOT NULL);
DECLARE @n INT = 1, @discarded INT = 0;
DECLARE @last_n INT = (SELECT COUNT(*) FROM @named);
DECLARE @target NVARCHAR(400), @topic NVARCHAR(249), @partition INT, @offset BIGINT;
WHILE @n <= @last_n
BEGIN
  DELETE FROM @behind;
  DELETE FROM @rejected;
  SELECT @kept = NULL, @state = NULL, @order = NULL, @group = NULL, @of = NULL, @change = NULL, @target = l.letter_id, @topic = l.topic,
    @partition = l.log_partition, @offset = l.log_offset
  FROM @named AS l
  WHERE l.n = @n;${lockLetter()}${DISCARD_LETTER}
  COMMIT TRANSACTION;
  IF @state = 'dead'
    SET @discarded += 1;
  INSERT INTO @touched (order_id) SELECT @of WHERE @of IS NOT NULL;
  SET @n += 1;
END;
SELECT @discarded AS discarded;
${lookForTurns('@touched')}`

/**
 * The letter of an archived order stays discarded. The letter may come from a partition other than the order's, so the
 * partition's lock does not keep the order from being archived in the meantime. The locks on the order's change, status
 * and row prevent that, because ARCHIVE_ORDERS takes the same locks before it looks for open letters.
 */
export const RESTORE = `${DECLARE}${lockLetter(`
UPDATE orders SET version = version WHERE order_id = @of;`)}
IF @state = 'discarded' AND NOT EXISTS (SELECT 1 FROM archived_orders AS t WHERE t.order_id = @of)
BEGIN${move('discarded', 'dead')}
  UPDATE order_states SET status = 'dead-lettered', updated_at = @time
  WHERE order_id = @order AND status = 'discarded';
  IF @@ROWCOUNT > 0
  BEGIN${tell('restored')}
  END;${moveChange('discarded', 'dead-lettered')}
  IF @@ROWCOUNT > 0
  BEGIN${tellOfChange('restored')}
  END;${INSERT_AUDIT('restore')}
END;${END}`

export const RECORD_EDIT = `${START}
IF @state = 'dead' AND @change IS NULL
BEGIN
  UPDATE dead_letters SET edited_value = @value WHERE kept_seq = @kept;${INSERT_AUDIT('edit')}
END;${END}`

/** The letter may already be resolved, because the edited record may be stored before the sender reports it as sent. */
export const MARK_EDITED = `${START}
IF @state IS NOT NULL
BEGIN
  UPDATE dead_letters SET state = 'redriven' WHERE kept_seq = @kept AND state = 'dead';${tell('edited')}
END;${END}`
