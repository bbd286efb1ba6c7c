import { isLetterOf } from '../dead-letters/letter-topic.ts'
import { lockStates } from '../database/locks.ts'

/**
 * Operators' decisions about dead letters stay in force when records are delivered again. The decisions are read from
 * the letters and from the order's status, because both survive a ledger reset. This SQL is part of STORE_BATCH, and
 * handles one round.
 *
 * A new order has no status, so letters are looked up only for orders that failed before. The first of these rules that
 * applies decides:
 *
 * 1. An order is withheld if the letter at its position was discarded or superseded, or if the letter that it redrives
 *    was discarded.
 * 2. It is stored if it redrives an open letter, because the redrive is then the newest decision.
 * 3. It is withheld if the order was discarded, or if the letter at its position was edited and the edit is not stored
 *    yet.
 *
 * A decision about another consumer's letter does not concern our order.
 */
export const WITHHOLD = `${lockStates('@orders', '@order_round')}
  IF @@ROWCOUNT > 0
  BEGIN
    UPDATE o
    SET outcome = 'withheld', decided = CASE
        WHEN d.state = 'discarded' OR m.state = 'discarded' THEN 'discarded'
        WHEN d.state = 'superseded' THEN 'redriven'
        WHEN s.status = 'discarded' THEN 'discarded'
        ELSE 'dead'
      END
    FROM @orders AS o
    JOIN order_states AS s ON s.order_id = o.order_id
    LEFT JOIN dead_letters AS d ON ${isLetterOf('d', 'o')}
    LEFT JOIN dead_letters AS m ON m.topic = o.letter_topic AND m.log_partition = o.letter_partition
      AND m.log_offset = o.letter_offset AND o.is_redrive = 1 AND m.foreign_failure IS NULL
    WHERE o.round = @order_round AND (
      d.state IN ('discarded', 'superseded')
      OR m.state = 'discarded'
      OR (
        (m.state IS NULL OR m.state NOT IN ('dead', 'redriven'))
        AND (s.status = 'discarded' OR (d.edited_value IS NOT NULL AND d.state IN ('dead', 'redriven')))
      )
    );
  END;
`

/**
 * Writes the parked rows of withheld orders. Comes after the updates of dead letters, because parked_records follows
 * dead_letters in the lock order.
 */
export const PARK_WITHHELD = `
  IF EXISTS (SELECT 1 FROM @orders AS o WHERE o.round = @order_round AND o.outcome = 'withheld')
  BEGIN
    UPDATE r
    SET state = o.decided, updated_at = @now
    FROM parked_records AS r WITH (FORCESEEK)
    JOIN @orders AS o ON r.group_id = o.group_id AND r.topic = o.topic AND r.log_partition = o.log_partition
      AND r.log_offset = o.log_offset
    WHERE o.round = @order_round AND o.outcome = 'withheld' AND r.state = 'retrying';

    INSERT INTO parked_records (group_id, topic, log_partition, log_offset, state, attempt, counted, updated_at)
    SELECT @group, o.topic, o.log_partition, o.log_offset, o.decided, 1, 0, @now
    FROM @orders AS o
    WHERE o.round = @order_round AND o.outcome = 'withheld' AND NOT EXISTS (
      SELECT 1 FROM parked_records AS r
      WHERE r.group_id = @group AND r.topic = o.topic AND r.log_partition = o.log_partition
        AND r.log_offset = o.log_offset
    );
  END;
`

/**
 * Sets `counted` in the rows that PARK_WITHHELD has written, if COUNT has just counted their offsets: those beyond the
 * ledger's position, or in a gap. Must run after COUNT.
 */
export const COUNT_WITHHELD = `
IF EXISTS (SELECT 1 FROM @orders AS o WHERE o.outcome = 'withheld')
  UPDATE r
  SET counted = 1
  FROM parked_records AS r WITH (FORCESEEK)
  JOIN @orders AS o ON r.group_id = o.group_id AND r.topic = o.topic AND r.log_partition = o.log_partition
    AND r.log_offset = o.log_offset
  JOIN @places AS p ON p.i = o.i
  WHERE o.outcome = 'withheld' AND (p.is_beyond = 1 OR p.gap_since IS NOT NULL);
`

/**
 * A condition that is true if another record has replaced the letter, because the letter was edited or its redriven
 * record was dead-lettered again.
 */
export function isReplaced(letter: string): string {
  const wasEdited = `${letter}.edited_value IS NOT NULL AND ${letter}.state IN ('redriven', 'resolved')`
  return `(${letter}.state = 'superseded' OR (${wasEdited}))`
}
