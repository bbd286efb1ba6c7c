import { KEY_REUSED, NOT_DECIDED, ORDER_ARCHIVED } from '../../stores/change-refusals.ts'
import { isLetterOf, ORIGIN_TOPIC } from '../dead-letters/letter-topic.ts'
import { isOfPlace, JUDGE_ARCHIVED } from './archived-changes-sql.ts'

/**
 * Parts of the statements that record changes and their failures. toChangesJson (order-changes.ts) writes the JSON that
 * they read, in log order (`n`). A statement contains DECLARE_CHANGES before its transaction, RECORD_CHANGES after
 * locking the partitions, then the parts for letters and parked records (parked-changes-sql.ts), and TELL_CHANGES last.
 * Changes that share no key are recorded in one round (rounds.ts).
 *
 * A row of order_changes only moves forward through its states, as the rows of parked_records do. Nothing is decided
 * here: a readable change is left waiting. After the commit, lookForTurns returns the orders whose changes can now be
 * decided (turns.ts).
 *
 * Events may be long. If OPENJSON reads a string in its WITH clause, Babelfish truncates it to 4,000 characters.
 * Babelfish does not truncate the elements of an array, so the events are read as elements.
 */
export const DECLARE_CHANGES = `
DECLARE @changes TABLE (
  n INT NOT NULL PRIMARY KEY,
  i INT NULL,
  round INT NOT NULL,
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  change_id UNIQUEIDENTIFIER NOT NULL,
  order_id UNIQUEIDENTIFIER NOT NULL,
  kind VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
  event NVARCHAR(MAX) NULL,
  body_hash VARCHAR(100) COLLATE Latin1_General_100_BIN2 NULL,
  idempotency_key_hash VARCHAR(100) COLLATE Latin1_General_100_BIN2 NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  letter_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NULL,
  letter_partition INT NULL,
  letter_offset BIGINT NULL,
  accepted_at DATETIME2(3) NULL,
  recorded_at DATETIME2(3) NOT NULL,
  -- Whether the record is retrying or dead; null for a change that was read.
  parked VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  attempt BIGINT NOT NULL,
  next_attempt_at DATETIME2(3) NULL,
  cause_code NVARCHAR(200) NULL,
  cause_detail NVARCHAR(MAX) NULL,
  -- Whether the ledger is past the origin, counts it with this batch, or does not count its topic at all (such as a
  -- retry topic to which somebody sent a record of their own).
  is_counted BIT NOT NULL,
  turn BIGINT NULL,
  seen_state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  seen_attempt BIGINT NULL,
  is_id_reused BIT NOT NULL,
  is_same_record BIT NOT NULL,
  redrives_row BIT NOT NULL,
  is_key_taken BIT NOT NULL,
  is_archived BIT NOT NULL,
  letter_state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  redriven_state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  is_redrive BIT NOT NULL,
  outcome VARCHAR(30) COLLATE Latin1_General_100_BIN2 NULL,
  decided VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  -- The new state of the row; null if the row stays as it is.
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  parked_as VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  parked_state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL,
  parked_attempt BIGINT NULL,
  is_news BIT NOT NULL
);
INSERT INTO @changes (
  n, i, round, group_id, change_id, order_id, kind, event, body_hash, idempotency_key_hash, topic, log_partition,
  log_offset, letter_topic, letter_partition, letter_offset, accepted_at, recorded_at, parked, attempt, next_attempt_at,
  cause_code, cause_detail, is_counted, is_id_reused, is_same_record, redrives_row, is_key_taken, is_archived, is_redrive,
  is_news
)
SELECT c.n, c.i, c.round, c.group_id, c.change_id, c.order_id, c.kind, e.value, c.body_hash,
  c.idempotency_key_hash, c.topic, c.log_partition, c.log_offset, c.letter_topic, c.letter_partition, c.letter_offset,
  c.accepted_at, c.recorded_at, c.parked, c.attempt, c.next_attempt_at, c.cause_code /* text */,
  c.cause_detail /* text */, c.is_counted, 0, 0, 0, 0, 0, 0, 0
FROM OPENJSON(@batch, '$.changes') WITH (
  n INT '$.n',
  i INT '$.i',
  round INT '$.round',
  group_id NVARCHAR(4000) '$.groupId',
  change_id UNIQUEIDENTIFIER '$.changeId',
  order_id UNIQUEIDENTIFIER '$.orderId',
  kind VARCHAR(20) '$.kind',
  body_hash VARCHAR(100) '$.bodyHash',
  idempotency_key_hash VARCHAR(100) '$.keyHash',
  topic NVARCHAR(4000) '$.topic',
  log_partition INT '$.partition',
  log_offset BIGINT '$.offset',
  letter_topic NVARCHAR(4000) '$.letter.topic',
  letter_partition INT '$.letter.partition',
  letter_offset BIGINT '$.letter.offset',
  accepted_at DATETIME2(3) '$.acceptedAt',
  recorded_at DATETIME2(3) '$.recordedAt',
  parked VARCHAR(20) '$.parked',
  attempt BIGINT '$.attempt',
  next_attempt_at DATETIME2(3) '$.nextAttemptAt',
  cause_code NVARCHAR(4000) '$.causeCode',
  cause_detail NVARCHAR(MAX) '$.causeDetail',
  is_counted BIT '$.isCounted'
) AS c
LEFT JOIN OPENJSON(@batch, '$.events') AS e ON CAST(e.[key] AS INT) = c.n;
DECLARE @change_round INT = 0;
DECLARE @change_rounds INT = (SELECT COUNT(DISTINCT c.round) FROM @changes AS c);
`

/** Judges each change in a round by what the store knows about the change and its letters. */
export const JUDGE_CHANGES = `
  UPDATE c
  SET seen_state = k.state, seen_attempt = k.attempt,
    is_id_reused = CASE WHEN k.order_id <> c.order_id OR k.body_hash <> c.body_hash THEN 1 ELSE 0 END,
    is_same_record = CASE WHEN ${isOfPlace('k', 'c')} THEN 1 ELSE 0 END,
    redrives_row = CASE
      WHEN k.origin_topic = ${ORIGIN_TOPIC('c.letter_topic')} AND k.origin_partition = c.letter_partition
        AND k.origin_offset = c.letter_offset THEN 1
      ELSE 0
    END,
    is_key_taken = CASE WHEN q.change_id IS NULL THEN 0 ELSE 1 END,
    letter_state = d.state,
    redriven_state = CASE WHEN m.foreign_failure IS NULL THEN m.state END,
    is_redrive = CASE WHEN m.kept_seq IS NULL THEN 0 ELSE 1 END
  FROM @changes AS c
  LEFT JOIN order_changes AS k ON k.change_id = c.change_id
  LEFT JOIN order_changes AS q ON q.idempotency_key_hash = c.idempotency_key_hash
    AND q.idempotency_key_hash IS NOT NULL AND q.change_id <> c.change_id
  LEFT JOIN dead_letters AS d ON ${isLetterOf('d', 'c')} AND d.change_id = c.change_id
  LEFT JOIN dead_letters AS m ON m.topic = c.letter_topic AND m.log_partition = c.letter_partition
    AND m.log_offset = c.letter_offset AND (m.order_id IS NULL OR (m.order_id = c.order_id AND m.change_id = c.change_id))
  WHERE c.round = @change_round;

${JUDGE_ARCHIVED}  -- While a change is not decided, an operator's decision about its letters stands.
  UPDATE c
  SET outcome = CASE
      WHEN c.is_id_reused = 1 THEN 'order-id-reused'
      WHEN c.seen_state = 'discarded' THEN 'withheld'
      WHEN c.seen_state IN ('retrying', 'dead-lettered')
        AND (c.letter_state IN ('discarded', 'superseded') OR c.redriven_state = 'discarded') THEN 'withheld'
      WHEN c.seen_state IN ('waiting', 'applied', 'rejected') AND c.is_same_record = 0 THEN 'duplicate'
      ELSE 'stored'
    END,
    decided = CASE WHEN c.seen_state <> 'discarded' AND c.letter_state = 'superseded' THEN 'redriven' ELSE 'discarded' END
  FROM @changes AS c
  WHERE c.round = @change_round;
`

/**
 * The partition's lock keeps other transactions away from these changes, unless one order has records in two
 * partitions. For that case, the rows of the changes are locked too. If two transactions insert the same change, or
 * the same turn, the second violates a unique index and is retried (query.ts). With READ_COMMITTED_SNAPSHOT, a
 * statement reads rows as they were when it started. The locks are acquired before that, so the statement reads the
 * rows in their final state. Without that setting, the statement waits for concurrent writers.
 */
export const RECORD_CHANGES = `
IF EXISTS (SELECT 1 FROM @changes AS c WHERE c.is_counted = 0)
  UPDATE c
  SET is_counted = 1
  FROM @changes AS c
  WHERE c.is_counted = 0 AND (EXISTS (
    SELECT 1 FROM ledger AS l WITH (FORCESEEK)
    WHERE l.group_id = c.group_id AND l.topic = c.topic AND l.log_partition = c.log_partition
      AND l.next_offset > c.log_offset
  ) OR NOT EXISTS (
    SELECT 1 FROM ledger AS l WITH (FORCESEEK) WHERE l.group_id = c.group_id AND l.topic = c.topic
  ));

UPDATE c
SET turn = t.turn
FROM @changes AS c
JOIN (
  SELECT x.n, COALESCE(m.last_turn, 0) + ROW_NUMBER() OVER (PARTITION BY x.order_id ORDER BY x.n) AS turn
  FROM @changes AS x
  LEFT JOIN (
    SELECT k.order_id, MAX(k.turn) AS last_turn
    FROM order_changes AS k
    WHERE k.order_id IN (SELECT y.order_id FROM @changes AS y) AND k.turn IS NOT NULL
    GROUP BY k.order_id
  ) AS m ON m.order_id = x.order_id
  WHERE x.is_counted = 1
) AS t ON t.n = c.n;

WHILE @change_round < @change_rounds
BEGIN
  UPDATE k
  SET attempt = k.attempt
  FROM order_changes AS k WITH (FORCESEEK)
  JOIN @changes AS c ON c.change_id = k.change_id
  WHERE c.round = @change_round;

${JUDGE_CHANGES}
  -- A failure is news if it is a later failure of the row's record, or a failure of the record that redrives it.
  UPDATE c
  SET state = CASE
      WHEN c.is_id_reused = 1 OR c.seen_state IN ('applied', 'rejected', 'discarded') THEN NULL
      -- Its turn had come, but it could not be decided.
      WHEN c.seen_state = 'waiting' AND c.is_same_record = 1 AND c.parked IS NOT NULL AND c.cause_code = '${NOT_DECIDED}'
        THEN CASE WHEN c.parked = 'dead' THEN 'dead-lettered' ELSE 'retrying' END
      WHEN c.seen_state = 'waiting' THEN NULL
      WHEN c.parked IS NULL AND c.outcome <> 'stored' THEN NULL
      WHEN c.parked IS NULL AND (c.is_key_taken = 1 OR c.is_archived = 1) THEN 'rejected'
      WHEN c.parked IS NULL THEN 'waiting'
      WHEN c.seen_state IS NULL OR (c.is_same_record = 0 AND c.redrives_row = 1) OR (
        c.is_same_record = 1 AND c.seen_state = 'retrying'
        AND (c.attempt > c.seen_attempt OR (c.attempt = c.seen_attempt AND c.parked = 'dead'))
      ) THEN CASE WHEN c.parked = 'dead' THEN 'dead-lettered' ELSE 'retrying' END
    END,
    cause_code = CASE
      WHEN c.parked IS NULL AND c.is_archived = 1 THEN '${ORDER_ARCHIVED.code}'
      WHEN c.parked IS NULL AND c.is_key_taken = 1 THEN '${KEY_REUSED.code}'
      ELSE c.cause_code
    END,
    cause_detail = CASE
      WHEN c.parked IS NULL AND c.is_archived = 1 THEN '${ORDER_ARCHIVED.detail}'
      WHEN c.parked IS NULL AND c.is_key_taken = 1 THEN '${KEY_REUSED.detail}'
      ELSE c.cause_detail
    END
  FROM @changes AS c
  WHERE c.round = @change_round;

  UPDATE k
  SET turn = c.turn
  FROM order_changes AS k WITH (FORCESEEK)
  JOIN @changes AS c ON c.change_id = k.change_id
  WHERE c.round = @change_round AND c.is_id_reused = 0 AND k.turn IS NULL AND c.turn IS NOT NULL;

  -- An earlier failure may have been recorded without the event, because nobody could read it then.
  UPDATE k
  SET event = c.event, body_hash = c.body_hash,
    idempotency_key_hash = CASE WHEN c.is_key_taken = 0 THEN c.idempotency_key_hash ELSE k.idempotency_key_hash END
  FROM order_changes AS k WITH (FORCESEEK)
  JOIN @changes AS c ON c.change_id = k.change_id
  WHERE c.round = @change_round AND c.is_id_reused = 0 AND k.event IS NULL AND c.event IS NOT NULL;

  UPDATE k
  SET state = c.state, origin_topic = c.topic, origin_partition = c.log_partition, origin_offset = c.log_offset,
    idempotency_key_hash = CASE
      WHEN c.is_key_taken = 0 THEN COALESCE(c.idempotency_key_hash, k.idempotency_key_hash)
      ELSE k.idempotency_key_hash
    END,
    accepted_at = COALESCE(c.accepted_at, k.accepted_at), updated_at = c.recorded_at, cause_code = c.cause_code,
    cause_detail = c.cause_detail, attempt = c.attempt, next_attempt_at = c.next_attempt_at, waits_told = 0
  FROM order_changes AS k WITH (FORCESEEK)
  JOIN @changes AS c ON c.change_id = k.change_id
  WHERE c.round = @change_round AND c.seen_state IS NOT NULL AND c.state IS NOT NULL;

  INSERT INTO order_changes (
    change_id, order_id, turn, kind, state, event, body_hash, idempotency_key_hash, origin_topic, origin_partition,
    origin_offset, accepted_at, updated_at, cause_code, cause_detail, attempt, next_attempt_at, waits_told
  )
  SELECT c.change_id, c.order_id, c.turn, c.kind, c.state, c.event, c.body_hash,
    CASE WHEN c.is_key_taken = 0 THEN c.idempotency_key_hash END, c.topic, c.log_partition, c.log_offset, c.accepted_at,
    c.recorded_at, c.cause_code, c.cause_detail, c.attempt, c.next_attempt_at, 0
  FROM @changes AS c
  WHERE c.round = @change_round AND c.seen_state IS NULL AND c.state IS NOT NULL
  ORDER BY c.n;

  SET @change_round += 1;
END;
`

/**
 * Comes last, because order_change_history follows the statement's other tables in the lock order. TAKE_TURNS adds the
 * entries about waiting changes.
 */
export const TELL_CHANGES = `
INSERT INTO order_change_history (
  order_id, change_id, happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail
)
SELECT c.order_id, c.change_id, c.recorded_at, CASE
    WHEN c.parked IS NULL THEN 'change-rejected'
    WHEN c.parked = 'dead' THEN 'dead-lettered'
    ELSE 'attempt-failed'
  END, CASE WHEN c.parked IS NULL THEN NULL ELSE c.attempt END, c.next_attempt_at, c.cause_code, c.cause_detail
FROM @changes AS c
WHERE c.state IN ('retrying', 'dead-lettered', 'rejected')
ORDER BY c.n;
`

const IS_ANY_WAITING = `EXISTS (SELECT 1 FROM order_changes AS w WHERE w.state = 'waiting')`

/** Selects those of the given orders that have a waiting change. */
const selectWaiting = (...rows: readonly string[]) => `
  SELECT DISTINCT w.order_id
  FROM order_changes AS w
  WHERE w.state = 'waiting' AND w.turn IS NOT NULL
    AND w.order_id IN (${unionOf(rows)})`

/**
 * Selects those of the given orders that were lost and then stored again from their records: they lack a change that
 * was applied before they were lost. Uses order_changes_applied.
 */
const selectRestored = (...rows: readonly string[]) => `
  SELECT k.order_id
  FROM (${unionOf(rows)}) AS o
  JOIN orders AS k ON k.order_id = o.order_id
  JOIN order_changes AS a ON a.order_id = k.order_id AND a.state = 'applied' AND a.version > k.version`

function unionOf(rows: readonly string[]): string {
  return rows.map((table) => `SELECT o.order_id FROM ${table} AS o`).join(' UNION ALL ')
}

/**
 * Selects those of the given orders whose changes can now be decided. Must run after the commit. If one instance stores
 * an order while another stores a change to it, whichever commits last sees both, because a statement reads everything
 * that was committed before it began. This holds with and without READ_COMMITTED_SNAPSHOT. Usually no change is
 * waiting, and the query then costs one seek in an empty index.
 */
export const lookForTurns = (...rows: readonly string[]) => `
IF ${IS_ANY_WAITING}${selectWaiting(...rows)};
`

/**
 * Like lookForTurns, but for a batch that contains only orders. Only a batch of copies, which counts no offsets, can
 * bring lost orders back.
 */
export const LOOK_AFTER_ORDERS = `
IF ${IS_ANY_WAITING} OR NOT EXISTS (SELECT 1 FROM @places)${selectWaiting('@orders')}
  UNION${selectRestored('@orders')}
  WHERE NOT EXISTS (SELECT 1 FROM @places);
`

/**
 * Like lookForTurns, but for a batch with changes. If a group reads the log again, lost orders are restored when it
 * reaches their changes.
 */
export const LOOK_AFTER_CHANGES = `${selectWaiting('@orders', '@changes')}
  UNION${selectRestored('@orders', '@changes')};
`

/** Returns how RECORD_CHANGES would judge each change on its own. Writes nothing. */
export const PREVIEW_CHANGES = `
SET NOCOUNT ON;
${DECLARE_CHANGES}${JUDGE_CHANGES}
SELECT c.i, c.outcome, c.seen_state, c.is_key_taken, c.is_archived FROM @changes AS c;
`
