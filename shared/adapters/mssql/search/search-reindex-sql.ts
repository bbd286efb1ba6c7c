/**
 * An earlier version did not index all the words of its orders. These statements add the missing words
 * (search-reindex.ts). There are two passes, because an instance of that version may run alongside this one for a
 * while. Such an instance may store an order whose `seq` the first pass has already gone past, or replace the words of
 * an order that the first pass has finished. The second pass begins when no such instance can still be running.
 */

/** The value of `ends_at` during the second pass. */
const LAST_TIME = `'20000101'`

/** The first result is empty if there is nothing to do. Uses the primary keys. */
export const SELECT_LACKING = `
SET NOCOUNT ON;
DECLARE @state BIGINT, @seq BIGINT, @may_end BIT, @is_last_time BIT;
SELECT @state = r.last_state_seq, @seq = r.last_seq,
  @may_end = CASE WHEN r.ends_at < SYSUTCDATETIME() THEN 1 ELSE 0 END,
  @is_last_time = CASE WHEN r.ends_at = ${LAST_TIME} THEN 1 ELSE 0 END
FROM search_reindex AS r
WHERE r.only_row = 1;
DECLARE @found TABLE (seq BIGINT NOT NULL PRIMARY KEY);
INSERT INTO @found (seq)
SELECT TOP (@limit) o.seq FROM orders AS o WHERE o.seq > @seq ORDER BY o.seq;
SELECT @state AS last_state_seq, @seq AS last_seq, @may_end AS may_end, @is_last_time AS is_last_time
WHERE @seq IS NOT NULL;
SELECT TOP (@limit) s.seq, s.order_id, s.order_json FROM order_states AS s WHERE s.seq > @state ORDER BY s.seq;
SELECT o.seq, o.order_id, o.customer_name, o.customer_last_name, o.customer_email, o.reference
FROM @found AS f
JOIN orders AS o ON o.seq = f.seq
ORDER BY o.seq;
SELECT x.order_seq, x.item_code, x.brand, x.type, x.size, x.colour
FROM @found AS f
JOIN order_items AS x ON x.order_seq = f.seq;
`

/** The progress row serves as the lock. If two instances do the same step, the second finds the step already done. */
const inStep = (column: 'last_state_seq' | 'last_seq', work: string) => `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @lacking TABLE (
  seq BIGINT NOT NULL,
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  in_name BIT NOT NULL,
  PRIMARY KEY (seq, word)
);
INSERT INTO @lacking (seq, word, in_name)
SELECT w.seq, w.word, w.in_name
FROM OPENJSON(@words) WITH (seq BIGINT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w;
DECLARE @is_mine BIT = 0;
BEGIN TRANSACTION;
UPDATE search_reindex SET ${column} = @last WHERE only_row = 1 AND ${column} = @after;
IF @@ROWCOUNT > 0
BEGIN
  SET @is_mine = 1;
${work}
END;
COMMIT TRANSACTION;
SELECT @is_mine AS is_mine;
`

/**
 * Uses the primary keys. A word that was indexed only for an item may, under the current rules, also be in the name.
 * Orders that have been changed are left out: they already have all of their words, and the words that were read here
 * may be those from before the change (turns.ts).
 */
export const ADD_TO_ORDERS = inStep(
  'last_seq',
  `  UPDATE o
  SET recovered = o.recovered
  FROM orders AS o WITH (FORCESEEK)
  JOIN @lacking AS w ON w.seq = o.seq;
  UPDATE l
  SET in_name = 1
  FROM order_words AS l WITH (FORCESEEK)
  JOIN @lacking AS w ON l.word = w.word AND l.order_seq = w.seq
  JOIN orders AS o ON o.seq = w.seq
  WHERE o.version = 1 AND w.in_name = 1 AND l.in_name = 0;
  INSERT INTO order_words (word, order_seq, in_name)
  SELECT w.word, w.seq, w.in_name
  FROM @lacking AS w
  JOIN orders AS o ON o.seq = w.seq
  WHERE o.version = 1 AND NOT EXISTS (SELECT 1 FROM order_words AS l WHERE l.word = w.word AND l.order_seq = w.seq);`,
)

/**
 * Adds words only to orders that are still in order_states, because orders that were stored in the meantime already
 * have their words.
 */
export const ADD_TO_STATES = inStep(
  'last_state_seq',
  `  UPDATE s
  SET attempt = s.attempt
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @lacking AS w ON w.seq = s.seq;
  UPDATE l
  SET in_name = 1
  FROM order_state_words AS l WITH (FORCESEEK)
  JOIN @lacking AS w ON l.state_seq = w.seq AND l.word = w.word
  WHERE w.in_name = 1 AND l.in_name = 0;
  INSERT INTO order_state_words (state_seq, word, in_name)
  SELECT s.seq, w.word, w.in_name
  FROM @lacking AS w
  JOIN order_states AS s ON s.seq = w.seq
  WHERE NOT EXISTS (SELECT 1 FROM order_state_words AS l WHERE l.state_seq = w.seq AND l.word = w.word);`,
)

/** Begins the second pass. Uses the primary key. If two instances run this statement, the second changes nothing. */
export const REPEAT_REINDEX = `
UPDATE search_reindex SET last_state_seq = 0, last_seq = 0, ends_at = ${LAST_TIME}
WHERE only_row = 1 AND last_state_seq = @lastState AND last_seq = @last AND ends_at > ${LAST_TIME};
`

export const END_REINDEX = `
DELETE FROM search_reindex
WHERE only_row = 1 AND last_state_seq = @lastState AND last_seq = @last AND ends_at = ${LAST_TIME};
`
