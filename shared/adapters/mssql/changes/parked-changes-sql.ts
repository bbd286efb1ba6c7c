import { isLetterOf, ORIGIN_TOPIC } from '../dead-letters/letter-topic.ts'

/**
 * Parts of statements that write dead_letters and parked_records after RECORD_CHANGES (order-changes-sql.ts). In a
 * batch, SETTLE_CHANGES always runs. PARK_CHANGES and COUNT_PARKED_CHANGES run only if nothing is rejected, and the
 * latter changes rows only if offsets are counted.
 */

/** Settles the letters and parked records of readable changes, as STORE_BATCH does for orders. */
export const SETTLE_CHANGES = `
UPDATE d
SET state = 'resolved', settled_at = c.recorded_at
FROM dead_letters AS d
JOIN @changes AS c ON ${isLetterOf('d', 'c')} AND d.change_id = c.change_id AND d.foreign_failure IS NULL
JOIN parked_records AS r ON r.group_id = c.group_id AND r.topic = c.topic AND r.log_partition = c.log_partition
  AND r.log_offset = c.log_offset
WHERE c.parked IS NULL AND c.outcome IN ('stored', 'duplicate') AND r.state IN ('retrying', 'dead')
  AND d.state NOT IN ('resolved', 'discarded');

UPDATE d
SET state = 'resolved', settled_at = c.recorded_at
FROM dead_letters AS d
JOIN @changes AS c ON d.topic = c.letter_topic AND d.log_partition = c.letter_partition AND d.log_offset = c.letter_offset
WHERE c.parked IS NULL AND c.is_redrive = 1
  AND (c.outcome IN ('stored', 'duplicate') OR (c.outcome = 'withheld' AND d.foreign_failure IS NOT NULL))
  AND d.state NOT IN ('resolved', 'discarded');

UPDATE r
SET state = CASE WHEN c.outcome = 'withheld' THEN c.decided ELSE c.outcome END, updated_at = c.recorded_at
FROM parked_records AS r WITH (FORCESEEK)
JOIN @changes AS c ON r.group_id = c.group_id AND r.topic = c.topic AND r.log_partition = c.log_partition
  AND r.log_offset = c.log_offset
WHERE c.parked IS NULL AND (
  (c.outcome IN ('stored', 'duplicate') AND r.state IN ('retrying', 'dead'))
  OR (c.outcome = 'withheld' AND r.state = 'retrying')
);

UPDATE r
SET state = 'redriven', updated_at = c.recorded_at
FROM parked_records AS r WITH (FORCESEEK)
JOIN @changes AS c ON r.group_id = c.group_id AND r.topic = ${ORIGIN_TOPIC('c.letter_topic')}
  AND r.log_partition = c.letter_partition AND r.log_offset = c.letter_offset
WHERE c.parked IS NULL AND c.is_redrive = 1 AND c.outcome IN ('stored', 'duplicate') AND r.state IN ('retrying', 'dead');

INSERT INTO parked_records (group_id, topic, log_partition, log_offset, state, attempt, counted, updated_at)
SELECT c.group_id, c.topic, c.log_partition, c.log_offset, MIN(c.decided), 1, 0, MIN(c.recorded_at)
FROM @changes AS c
WHERE c.parked IS NULL AND c.outcome = 'withheld' AND NOT EXISTS (
  SELECT 1 FROM parked_records AS r
  WHERE r.group_id = c.group_id AND r.topic = c.topic AND r.log_partition = c.log_partition
    AND r.log_offset = c.log_offset
)
GROUP BY c.group_id, c.topic, c.log_partition, c.log_offset;
`

/**
 * Writes parked_records according to the rules of PARK (parked-records-sql.ts). The order's own status stays as it is.
 */
export const PARK_CHANGES = `
SET @change_round = 0;
WHILE @change_round < @change_rounds
BEGIN
  UPDATE c
  SET parked_state = r.state, parked_attempt = r.attempt,
    parked_as = CASE
      WHEN r.state IS NULL AND (c.seen_state = 'discarded' OR c.letter_state = 'discarded') THEN 'discarded'
      WHEN r.state IS NULL AND c.letter_state IN ('superseded', 'resolved') THEN 'redriven'
      ELSE c.parked
    END,
    is_news = CASE
      WHEN r.state IS NULL THEN 0
      -- An unknown change at a known position is another log's record.
      WHEN c.seen_state IS NULL THEN 1
      -- The copy that brought the change settled the row before the decision about the change failed.
      WHEN c.seen_state = 'waiting' AND c.state IS NOT NULL THEN 1
      WHEN r.state <> 'retrying' THEN 0
      WHEN c.attempt > r.attempt OR (c.attempt = r.attempt AND c.parked = 'dead') THEN 1
      ELSE 0
    END
  FROM @changes AS c
  LEFT JOIN parked_records AS r ON r.group_id = c.group_id AND r.topic = c.topic
    AND r.log_partition = c.log_partition AND r.log_offset = c.log_offset
  WHERE c.round = @change_round AND c.parked IS NOT NULL;

  INSERT INTO parked_records (group_id, topic, log_partition, log_offset, state, attempt, counted, updated_at)
  SELECT c.group_id, c.topic, c.log_partition, c.log_offset, c.parked_as, c.attempt, 0, c.recorded_at
  FROM @changes AS c
  WHERE c.round = @change_round AND c.parked IS NOT NULL AND c.parked_state IS NULL;

  UPDATE r
  SET state = c.parked_as, attempt = c.attempt, updated_at = c.recorded_at
  FROM parked_records AS r WITH (FORCESEEK)
  JOIN @changes AS c ON r.group_id = c.group_id AND r.topic = c.topic AND r.log_partition = c.log_partition
    AND r.log_offset = c.log_offset
  WHERE c.round = @change_round AND c.is_news = 1 AND r.state = c.parked_state AND r.attempt = c.parked_attempt;

  SET @change_round += 1;
END;
`

/** Must run after COUNT, which marks the positions that it counts. */
export const COUNT_PARKED_CHANGES = `
UPDATE r
SET counted = 1
FROM parked_records AS r WITH (FORCESEEK)
JOIN @changes AS c ON r.group_id = c.group_id AND r.topic = c.topic AND r.log_partition = c.log_partition
  AND r.log_offset = c.log_offset
JOIN @places AS p ON p.topic = c.topic AND p.log_partition = c.log_partition AND p.log_offset = c.log_offset
WHERE (c.parked IS NOT NULL OR c.outcome = 'withheld') AND r.counted = 0 AND p.kind = 'parked'
  AND (p.is_beyond = 1 OR p.gap_since IS NOT NULL);
`
