import { isLetterOf } from './letter-topic.ts'
import { lockStates } from '../database/locks.ts'

/**
 * Parks records, in one round for each set of independent records (rounds.ts). Copies may arrive late, repeatedly and
 * in any order, so an origin's row only moves forward: from one attempt to the next, then to `dead`, and then to the
 * state that an operator or the store gives it. The order's status and history change only if the row does.
 *
 * This SQL is part of larger statements, which first read @parked and @parked_words from their JSON (DECLARE_PARKED)
 * and lock the partitions of the records (locks.ts).
 */
export const DECLARE_PARKED = `
DECLARE @parked TABLE (
  i INT NOT NULL PRIMARY KEY,
  round INT NOT NULL,
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  order_id UNIQUEIDENTIFIER NULL,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
  attempt BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  next_attempt_at DATETIME2(3) NULL,
  cause_code NVARCHAR(200) NOT NULL,
  cause_detail NVARCHAR(MAX) NOT NULL,
  accepted_at DATETIME2(3) NULL,
  parked_at DATETIME2(3) NOT NULL,
  order_json NVARCHAR(MAX) NULL,
  customer_id BIGINT NULL,
  currency VARCHAR(3) NULL,
  payment_method VARCHAR(20) NULL,
  reference NVARCHAR(200) NULL,
  forgotten BIT NULL,
  counted BIT NOT NULL,
  seen_state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  seen_attempt BIGINT NULL,
  is_known BIT NOT NULL,
  is_news BIT NOT NULL,
  is_stored BIT NOT NULL,
  has_content BIT NOT NULL
);
DECLARE @parked_words TABLE (
  i INT NOT NULL,
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  in_name BIT NOT NULL,
  PRIMARY KEY (i, word)
);
INSERT INTO @parked (
  i, round, group_id, topic, log_partition, log_offset, order_id, state, attempt, max_attempts, next_attempt_at, cause_code,
  cause_detail, accepted_at, parked_at, order_json, customer_id, currency, payment_method, reference, forgotten, counted,
  is_known, is_news, is_stored, has_content
)
SELECT p.i, p.round, p.group_id, p.topic, p.log_partition, p.log_offset, p.order_id, p.state, p.attempt, p.max_attempts,
  p.next_attempt_at, p.cause_code /* text */, p.cause_detail /* text */, p.accepted_at, p.parked_at,
  p.order_json /* text */, p.customer_id, p.currency, p.payment_method, p.reference /* text */, p.forgotten, 0, 0, 0, 0, 0
FROM OPENJSON(@batch, '$.parked') WITH (
  i INT '$.i',
  round INT '$.round',
  group_id NVARCHAR(4000) '$.groupId',
  topic NVARCHAR(4000) '$.topic',
  log_partition INT '$.partition',
  log_offset BIGINT '$.offset',
  order_id UNIQUEIDENTIFIER '$.orderId',
  state VARCHAR(20) '$.state',
  attempt BIGINT '$.attempt',
  max_attempts BIGINT '$.maxAttempts',
  next_attempt_at DATETIME2(3) '$.nextAttemptAt',
  cause_code NVARCHAR(4000) '$.causeCode',
  cause_detail NVARCHAR(MAX) '$.causeDetail',
  accepted_at DATETIME2(3) '$.acceptedAt',
  parked_at DATETIME2(3) '$.parkedAt',
  order_json NVARCHAR(MAX) '$.orderJson',
  customer_id BIGINT '$.customerId',
  currency VARCHAR(3) '$.currency',
  payment_method VARCHAR(20) '$.paymentMethod',
  reference NVARCHAR(4000) '$.reference',
  forgotten BIT '$.forgotten'
) AS p;
INSERT INTO @parked_words (i, word, in_name)
SELECT w.i, w.word, w.in_name
FROM OPENJSON(@batch, '$.parkedWords') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w;
DECLARE @parked_round INT = 0;
DECLARE @parked_rounds INT = (SELECT COUNT(DISTINCT p.round) FROM @parked AS p);
`

/**
 * A row may change between reading and writing, so the write checks again: it moves a row of parked_records only if the
 * row has not changed since it was read. A transaction for another partition may store an order with the same id at the
 * same time. That transaction inserts the order and then deletes the status. This statement writes the status and then
 * looks for the order, so at least one of the two sees the other. READCOMMITTEDLOCK makes this statement wait for an
 * order that is not committed yet, which row versions would hide ("Table hints"). FORCESEEK avoids waiting for other
 * orders. A plan with seeks always exists: @parked comes first, then order_states by the unique index on order_id, and
 * the words by their clustered key.
 */
export const PARK = `
SET @parked_round = 0;
WHILE @parked_round < @parked_rounds
BEGIN${lockStates('@parked', '@parked_round')}
  UPDATE p
  SET seen_state = r.state, seen_attempt = r.attempt, is_known = CASE WHEN r.state IS NULL THEN 0 ELSE 1 END,
    is_news = CASE
      WHEN r.state IS NULL AND COALESCE(d.state, n.state) IN ('discarded', 'superseded', 'resolved') THEN 0
      WHEN r.state IS NULL THEN 1
      -- An unknown order at a known position means that the record is from another log.
      WHEN p.order_id IS NOT NULL AND o.seq IS NULL AND t.order_id IS NULL AND s.seq IS NULL THEN 1
      WHEN r.state <> 'retrying' THEN 0
      WHEN p.attempt > r.attempt THEN 1
      WHEN p.attempt = r.attempt AND p.state = 'dead' THEN 1
      ELSE 0
    END,
    -- A ledger that was reset has forgotten what an operator decided; the letter has not.
    state = CASE
      WHEN r.state IS NULL AND COALESCE(d.state, n.state) = 'discarded' THEN 'discarded'
      WHEN r.state IS NULL AND COALESCE(d.state, n.state) IN ('superseded', 'resolved') THEN 'redriven'
      ELSE p.state
    END,
    is_stored = CASE
      WHEN o.seq IS NULL AND t.order_id IS NULL AND (s.status IS NULL OR s.status <> 'discarded') THEN 0
      ELSE 1
    END
  FROM @parked AS p
  LEFT JOIN parked_records AS r ON r.group_id = p.group_id AND r.topic = p.topic
    AND r.log_partition = p.log_partition AND r.log_offset = p.log_offset
  LEFT JOIN orders AS o WITH (READCOMMITTEDLOCK, FORCESEEK) ON o.order_id = p.order_id
  LEFT JOIN archived_orders AS t WITH (READCOMMITTEDLOCK, FORCESEEK) ON t.order_id = p.order_id
  LEFT JOIN order_states AS s ON s.order_id = p.order_id
  LEFT JOIN dead_letters AS d ON ${isLetterOf('d', 'p')}
  LEFT JOIN dead_letters AS n ON n.topic = p.topic AND n.log_partition = p.log_partition
    AND n.log_offset = p.log_offset AND n.order_id IS NULL AND p.order_id IS NULL
  WHERE p.round = @parked_round;

  INSERT INTO parked_records (group_id, topic, log_partition, log_offset, state, attempt, counted, updated_at)
  SELECT p.group_id, p.topic, p.log_partition, p.log_offset, p.state, p.attempt, p.counted, p.parked_at
  FROM @parked AS p
  WHERE p.round = @parked_round AND p.is_known = 0;

  UPDATE r
  SET state = p.state, attempt = p.attempt, updated_at = p.parked_at
  FROM parked_records AS r WITH (FORCESEEK)
  JOIN @parked AS p ON r.group_id = p.group_id AND r.topic = p.topic
    AND r.log_partition = p.log_partition AND r.log_offset = p.log_offset
  WHERE p.round = @parked_round AND p.is_known = 1 AND p.is_news = 1
    AND r.state = p.seen_state AND r.attempt = p.seen_attempt;

  UPDATE r
  SET counted = 1
  FROM parked_records AS r WITH (FORCESEEK)
  JOIN @parked AS p ON r.group_id = p.group_id AND r.topic = p.topic
    AND r.log_partition = p.log_partition AND r.log_offset = p.log_offset
  WHERE p.round = @parked_round AND p.counted = 1 AND r.counted = 0;

  -- News replaces the status. Another report of the same failure adds the order if the first report had none.
  -- A dead letter or a retry never changes an order that is stored or discarded. is_stored covers both.
  UPDATE p
  SET has_content = CASE WHEN p.is_news = 1 OR (s.seq IS NOT NULL AND s.order_json IS NULL) THEN 1 ELSE 0 END
  FROM @parked AS p
  LEFT JOIN order_states AS s ON s.order_id = p.order_id
  WHERE p.round = @parked_round AND p.order_id IS NOT NULL AND p.is_stored = 0 AND p.order_json IS NOT NULL;

  UPDATE s
  SET status = CASE WHEN p.state = 'dead' THEN 'dead-lettered' ELSE 'retrying' END, attempt = p.attempt,
    max_attempts = p.max_attempts, next_attempt_at = p.next_attempt_at, cause_code = p.cause_code,
    cause_detail = p.cause_detail, accepted_at = COALESCE(p.accepted_at, s.accepted_at), updated_at = p.parked_at
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @parked AS p ON p.order_id = s.order_id
  WHERE p.round = @parked_round AND p.is_stored = 0 AND p.is_news = 1;

  INSERT INTO order_states (
    order_id, status, attempt, max_attempts, next_attempt_at, cause_code, cause_detail, accepted_at, updated_at
  )
  SELECT p.order_id, CASE WHEN p.state = 'dead' THEN 'dead-lettered' ELSE 'retrying' END, p.attempt, p.max_attempts,
    p.next_attempt_at, p.cause_code, p.cause_detail, p.accepted_at, p.parked_at
  FROM @parked AS p
  WHERE p.round = @parked_round AND p.order_id IS NOT NULL AND p.is_stored = 0 AND p.is_news = 1
    AND NOT EXISTS (SELECT 1 FROM order_states AS s WHERE s.order_id = p.order_id)
  ORDER BY p.i;

  DELETE s
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @parked AS p ON p.order_id = s.order_id
  JOIN orders AS o WITH (READCOMMITTEDLOCK, FORCESEEK) ON o.order_id = s.order_id
  WHERE p.round = @parked_round;

  UPDATE s
  SET order_json = p.order_json, customer_id = p.customer_id, currency = p.currency, payment_method = p.payment_method,
    reference = p.reference
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @parked AS p ON p.order_id = s.order_id
  WHERE p.round = @parked_round AND p.has_content = 1;

  DELETE w
  FROM order_state_words AS w WITH (FORCESEEK)
  JOIN order_states AS s WITH (FORCESEEK) ON s.seq = w.state_seq
  JOIN @parked AS p ON p.order_id = s.order_id
  WHERE p.round = @parked_round AND p.has_content = 1;

  INSERT INTO order_state_words (state_seq, word, in_name)
  SELECT s.seq, w.word, w.in_name
  FROM @parked_words AS w
  JOIN @parked AS p ON p.i = w.i
  JOIN order_states AS s ON s.order_id = p.order_id
  WHERE p.round = @parked_round AND p.has_content = 1;

  INSERT INTO order_history (order_id, happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail)
  SELECT p.order_id, p.parked_at, CASE WHEN p.state = 'dead' THEN 'dead-lettered' ELSE 'attempt-failed' END, p.attempt,
    p.next_attempt_at, p.cause_code, p.cause_detail
  FROM @parked AS p
  WHERE p.round = @parked_round AND p.order_id IS NOT NULL AND p.is_stored = 0 AND p.is_news = 1
  ORDER BY p.i;

  SET @parked_round += 1;
END;
`
