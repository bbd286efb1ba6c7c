import { INSERT_AUDIT, NOT_STORED_BEFORE } from './audit.ts'
import { ORIGIN_TOPIC } from './letter-topic.ts'
import { lockPartition } from '../database/locks.ts'

/**
 * Operators' acts on one letter, each one transaction. Each returns the letter's previous state, and changes nothing if
 * that state does not allow the act. A foreign letter is treated as a letter without an order.
 *
 * The state is read after taking two locks (locks.ts): the partition's, so that the record is not stored or kept at the
 * same time, and the order's, so that of two concurrent discards of its last letters one sees the other. A letter's
 * order, group and position never change, so they are read before.
 */
const DECLARE = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @kept BIGINT, @state VARCHAR(20), @order UNIQUEIDENTIFIER, @group NVARCHAR(200);
`
const LOCK_LETTER = `
SELECT @kept = d.kept_seq, @group = d.consumer_group, @order = CASE WHEN d.foreign_failure IS NULL THEN d.order_id END
FROM dead_letters AS d
WHERE d.topic = @topic AND d.log_partition = @partition AND d.log_offset = @offset;
BEGIN TRANSACTION;${lockPartition('@group', ORIGIN_TOPIC('@topic'), '@partition')}
UPDATE order_states SET attempt = attempt WHERE order_id = @order;
UPDATE dead_letters SET attempts = attempts WHERE kept_seq = @kept;
SELECT @state = d.state FROM dead_letters AS d WHERE d.kept_seq = @kept;
`
const START = `${DECLARE}${LOCK_LETTER}`
const END = `
COMMIT TRANSACTION;
SELECT @state AS state;
`

const tell = (kind: string) => `
  INSERT INTO order_history (order_id, happened_at, kind, reason)
  SELECT @order, @time, '${kind}', @reason WHERE @order IS NOT NULL AND ${NOT_STORED_BEFORE('@order')};
`

/** Moves the letter and its parked record. */
const move = (from: string, to: string) => `
  UPDATE dead_letters SET state = '${to}' WHERE kept_seq = @kept;
  UPDATE parked_records SET state = '${to}', updated_at = @time
  WHERE group_id = @group AND topic = ${ORIGIN_TOPIC('@topic')} AND log_partition = @partition AND log_offset = @offset
    AND state = '${from}';
`

/** Discards the order with the last of its letters. */
const DISCARD_LETTER = `
IF @state = 'dead'
BEGIN${move('dead', 'discarded')}
  UPDATE order_states SET status = 'discarded', updated_at = @time
  WHERE order_id = @order AND status = 'dead-lettered'
    AND NOT EXISTS (
      SELECT 1 FROM dead_letters AS d
      WHERE d.order_id = @order AND d.state IN ('dead', 'redriven') AND d.foreign_failure IS NULL
    );
  IF @@ROWCOUNT > 0
  BEGIN${tell('discarded')}
  END;${INSERT_AUDIT('discard')}
END;`

export const DISCARD = `${START}${DISCARD_LETTER}${END}`

/**
 * Discards letters in one transaction each, so each locks only what DISCARD locks, and the order of the letters cannot
 * cause a deadlock between two of these statements. When it is repeated after a deadlock, it skips the letters that it
 * discarded before. @letters is an array of [n, id, topic, partition, offset]; n counts from 1.
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
DECLARE @n INT = 1, @discarded INT = 0;
DECLARE @last_n INT = (SELECT COUNT(*) FROM @named);
DECLARE @target NVARCHAR(400), @topic NVARCHAR(249), @partition INT, @offset BIGINT;
WHILE @n <= @last_n
BEGIN
  SELECT @kept = NULL, @state = NULL, @order = NULL, @group = NULL, @target = l.letter_id, @topic = l.topic,
    @partition = l.log_partition, @offset = l.log_offset
  FROM @named AS l
  WHERE l.n = @n;${LOCK_LETTER}${DISCARD_LETTER}
  COMMIT TRANSACTION;
  IF @state = 'dead'
    SET @discarded += 1;
  SET @n += 1;
END;
SELECT @discarded AS discarded;
`

export const RESTORE = `${START}
IF @state = 'discarded'
BEGIN${move('discarded', 'dead')}
  UPDATE order_states SET status = 'dead-lettered', updated_at = @time
  WHERE order_id = @order AND status = 'discarded';
  IF @@ROWCOUNT > 0
  BEGIN${tell('restored')}
  END;${INSERT_AUDIT('restore')}
END;${END}`

export const RECORD_EDIT = `${START}
IF @state = 'dead'
BEGIN
  UPDATE dead_letters SET edited_value = @value WHERE kept_seq = @kept;${INSERT_AUDIT('edit')}
END;${END}`

/** The edit may be stored, and the letter resolved, before its sender reports that it was sent. */
export const MARK_EDITED = `${START}
IF @state IS NOT NULL
BEGIN
  UPDATE dead_letters SET state = 'redriven' WHERE kept_seq = @kept AND state = 'dead';${tell('edited')}
END;${END}`
