import { INSERT_AUDIT } from '../dead-letters/audit.ts'
import { isUnmarked } from '../forgetting/forgotten-customers-sql.ts'
import { DECLARE_PARTITIONS, LOCK_PARTITIONS, lockChanges, lockStates, lockStored } from '../database/locks.ts'

/**
 * A condition that is true if the order has no undecided change and no open dead letter. Uses order_changes_by_order
 * and dead_letters_by_order.
 */
export const isSettled = (order: string) => `NOT EXISTS (
    SELECT 1 FROM order_changes AS u
    WHERE u.order_id = ${order}.order_id AND (u.state NOT IN ('applied', 'rejected', 'discarded') OR u.turn IS NULL)
  )
  AND NOT EXISTS (
    SELECT 1 FROM dead_letters AS d WHERE d.order_id = ${order}.order_id AND d.state IN ('dead', 'redriven')
  )`

/**
 * Selects orders sorted by acceptance time, and then by `seq`. Uses orders_by_acceptance, whose entries are sorted in
 * the same way because `seq` is the clustered key.
 */
export const SELECT_ARCHIVABLE = `
SELECT TOP (@limit) o.seq, o.order_id, o.accepted_at
FROM orders AS o
WHERE o.accepted_at < CAST(@before AS DATETIME2(3)) AND o.accepted_at >= CAST(@after AS DATETIME2(3))
  AND (o.accepted_at > CAST(@after AS DATETIME2(3)) OR o.seq > @last)
  AND ${isSettled('o')}
ORDER BY o.accepted_at, o.seq;
`

/** Uses the index order_states_by_status, whose entries for one status are sorted by `seq`. */
export const SELECT_ARCHIVABLE_STATES = `
SELECT TOP (@limit) s.seq, s.order_id
FROM order_states AS s
WHERE s.status = 'discarded' AND s.seq > @last AND s.accepted_at < CAST(@before AS DATETIME2(3))
  AND ${isSettled('s')}
ORDER BY s.seq;
`

/** Each SELECT reads the rows at a different moment, so ARCHIVE_ORDERS checks whether they have changed since. */
export const SELECT_DOCUMENTS = `
SET NOCOUNT ON;
DECLARE @found TABLE (seq BIGINT NOT NULL PRIMARY KEY);
INSERT INTO @found (seq)
SELECT DISTINCT o.seq
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN orders AS o ON o.order_id = i.order_id
WHERE ${isSettled('o')};
SELECT o.seq, o.order_id, o.customer_id, o.customer_name, o.customer_last_name, o.customer_email, o.shipping_address,
  o.billing_address, o.currency, o.total_price, o.payment_method, o.accepted_at, o.stored_at, o.origin_topic,
  o.origin_partition, o.origin_offset, o.body_hash, o.idempotency_key_hash, o.recovered, o.reference, o.metadata, o.version,
  o.cancelled_at, o.cancellation_reason, o.forgotten
FROM @found AS f
JOIN orders AS o ON o.seq = f.seq
ORDER BY o.seq;
SELECT x.order_seq, x.item_code, x.brand, x.type, x.size, x.colour, x.quantity, x.price, x.currency
FROM @found AS f
JOIN order_items AS x ON x.order_seq = f.seq
ORDER BY x.order_seq, x.line;
SELECT s.order_id, s.attempt, s.max_attempts, s.cause_code, s.cause_detail, s.accepted_at, s.updated_at, s.order_json
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_states AS s ON s.order_id = i.order_id
WHERE s.status = 'discarded' AND s.accepted_at IS NOT NULL AND ${isSettled('s')};
SELECT c.order_id, c.change_id, c.kind, c.state, c.event, c.body_hash, c.idempotency_key_hash, c.origin_topic,
  c.origin_partition, c.origin_offset, c.accepted_at, c.updated_at, c.version, c.cause_code, c.cause_detail, c.attempt
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.order_id = i.order_id
ORDER BY c.order_id, c.turn;
SELECT h.order_id, h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code, h.cause_detail, h.reason
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_history AS h ON h.order_id = i.order_id
ORDER BY h.entry;
SELECT h.order_id, h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code, h.cause_detail, h.reason, h.change_id,
  h.version
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_change_history AS h ON h.order_id = i.order_id
ORDER BY h.entry;
`

/** Uses the primary key. */
export const SELECT_ARCHIVED = `
SELECT t.order_id, t.archived_at
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN archived_orders AS t ON t.order_id = i.order_id;
`

/**
 * Begins a transaction that archives or restores orders. Locks the row that BEGIN_REBUILD also locks, so that whichever
 * comes second sees the first. Ends an abandoned rebuild. If that rebuild's process is still alive but slow, its next
 * step finds that its rebuild was ended.
 */
export const beginArchiving = () => `
DECLARE @is_rebuilding BIT = 0, @is_reindexing BIT = 0;
BEGIN TRANSACTION;
UPDATE archiving SET leased_until = @nowMs + @leaseMs WHERE only_row = 1;
IF EXISTS (SELECT 1 FROM rebuild AS r WHERE r.only_row = 1 AND r.state = 'running' AND r.leased_until > @nowMs)
  SET @is_rebuilding = 1;
IF EXISTS (SELECT 1 FROM search_reindex AS r WHERE r.only_row = 1)
  SET @is_reindexing = 1;
IF @is_rebuilding = 0
  UPDATE rebuild SET state = 'failed', why = @why, updated_at = @time WHERE only_row = 1 AND state = 'running';
`

/** Writes an audit entry, unless this step continues a run that already has an entry. */
export const auditOnce = (action: string) => `
  IF @continues = 0 OR NOT EXISTS (
    SELECT TOP (1) a.entry FROM audit AS a
    WHERE a.target = @target AND a.action = '${action}' AND a.operator = @operator
      AND a.happened_at > DATEADD(HOUR, -1, @time)
  )
  BEGIN${INSERT_AUDIT(action)}
  END;`

/**
 * Removes orders that have not changed since they were read. Versions (or, for discarded orders, update times) and row
 * counts show whether an order has changed: versions only increase, every later event adds rows, and a settled change
 * moves to another state only if its letter is opened again. Forgetting a customer changes none of these, so the mark
 * for removed personal data is compared too: otherwise the file would have the data, although the order seems to have
 * been archived without it.
 *
 * A statement that stores a record reads the order and its tombstone together, so it finds one of the two. But a
 * statement that records a change reads only the tombstone. This transaction therefore first locks the ledger rows of
 * the orders' partitions, as recording a change does (locks.ts), and then sees every change that was recorded earlier.
 *
 * The caller passes the words, because order_words has no index that begins with the order. Returns which orders were
 * removed, and whether a rebuild or a reindex prevented the removal.
 */
export const ARCHIVE_ORDERS = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @orders TABLE (
  i INT NOT NULL PRIMARY KEY,
  order_id UNIQUEIDENTIFIER NOT NULL UNIQUE,
  seq BIGINT NULL,
  is_stored BIT NOT NULL,
  version INT NULL,
  updated_at DATETIME2(3) NULL,
  forgotten BIT NOT NULL,
  changes INT NOT NULL,
  entries INT NOT NULL,
  change_entries INT NOT NULL,
  is_same BIT NOT NULL
);
DECLARE @words TABLE (
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  i INT NOT NULL,
  PRIMARY KEY (word, i)
);
${DECLARE_PARTITIONS}INSERT INTO @orders (
  i, order_id, is_stored, version, updated_at, forgotten, changes, entries, change_entries, is_same
)
SELECT x.i, x.order_id, x.is_stored, x.version, x.updated_at, x.forgotten, x.changes, x.entries, x.change_entries, 0
FROM OPENJSON(@batch, '$.orders') WITH (
  i INT '$.i',
  order_id UNIQUEIDENTIFIER '$.orderId',
  is_stored BIT '$.isStored',
  version INT '$.version',
  updated_at DATETIME2(3) '$.updatedAt',
  forgotten BIT '$.forgotten',
  changes INT '$.changes',
  entries INT '$.entries',
  change_entries INT '$.changeEntries'
) AS x;
INSERT INTO @words (word, i)
SELECT w.word, w.i
FROM OPENJSON(@batch, '$.words') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]') AS w;
INSERT INTO @partitions (n, group_id, topic, log_partition)
SELECT ROW_NUMBER() OVER (ORDER BY l.group_id, l.topic, l.log_partition), l.group_id, l.topic, l.log_partition
FROM ledger AS l
WHERE EXISTS (
  SELECT 1
  FROM @orders AS x
  JOIN orders AS o ON o.order_id = x.order_id
  WHERE o.origin_topic = l.topic AND o.origin_partition = l.log_partition
);
${beginArchiving()}
IF @is_rebuilding = 0 AND @is_reindexing = 0
BEGIN
${LOCK_PARTITIONS}${lockChanges('@orders')}${lockStates('@orders')}${lockStored('@orders')}

  UPDATE x
  SET is_same = 1, seq = o.seq
  FROM @orders AS x
  JOIN orders AS o ON o.order_id = x.order_id
  WHERE x.is_stored = 1 AND o.version = x.version AND COALESCE(o.forgotten, 0) = x.forgotten AND ${isSettled('x')};
  UPDATE x
  SET is_same = 1
  FROM @orders AS x
  JOIN order_states AS s ON s.order_id = x.order_id
  WHERE x.is_stored = 0 AND s.status = 'discarded' AND s.updated_at = x.updated_at
    AND (x.forgotten = 1 OR s.order_json IS NULL OR ${isUnmarked('s.order_json')}) AND ${isSettled('x')};
  UPDATE x
  SET is_same = 0
  FROM @orders AS x
  WHERE x.changes <> (SELECT COUNT(*) FROM order_changes AS c WHERE c.order_id = x.order_id)
    OR x.entries <> (SELECT COUNT(*) FROM order_history AS h WHERE h.order_id = x.order_id)
    OR x.change_entries <> (SELECT COUNT(*) FROM order_change_history AS h WHERE h.order_id = x.order_id);

  INSERT INTO archived_orders (
    order_id, seq, origin_topic, origin_partition, origin_offset, body_hash, idempotency_key_hash, accepted_at,
    archived_at, archive_file, customer_id
  )
  SELECT o.order_id, o.seq, o.origin_topic, o.origin_partition, o.origin_offset, o.body_hash, o.idempotency_key_hash,
    o.accepted_at, @time, @target, o.customer_id
  FROM @orders AS x
  JOIN orders AS o ON o.order_id = x.order_id
  WHERE x.is_same = 1 AND x.is_stored = 1;
  INSERT INTO archived_orders (order_id, accepted_at, archived_at, archive_file, customer_id)
  SELECT s.order_id, s.accepted_at, @time, @target, s.customer_id
  FROM @orders AS x
  JOIN order_states AS s ON s.order_id = x.order_id
  WHERE x.is_same = 1 AND x.is_stored = 0;
  INSERT INTO archived_changes (
    change_id, order_id, state, origin_topic, origin_partition, origin_offset, body_hash, idempotency_key_hash, accepted_at
  )
  SELECT c.change_id, c.order_id, c.state, c.origin_topic, c.origin_partition, c.origin_offset, c.body_hash,
    c.idempotency_key_hash, c.accepted_at
  FROM @orders AS x
  JOIN order_changes AS c ON c.order_id = x.order_id
  WHERE x.is_same = 1;

  DELETE c
  FROM order_changes AS c WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = c.order_id
  WHERE x.is_same = 1;
  -- The words are deleted with their state.
  DELETE s
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = s.order_id
  WHERE x.is_same = 1 AND x.is_stored = 0;
  DELETE w
  FROM order_words AS w WITH (FORCESEEK)
  JOIN @words AS g ON g.word = w.word
  JOIN @orders AS x ON x.i = g.i AND x.seq = w.order_seq
  WHERE x.is_same = 1;
  DELETE y
  FROM order_items AS y WITH (FORCESEEK)
  JOIN @orders AS x ON x.seq = y.order_seq
  WHERE x.is_same = 1;
  DELETE o
  FROM orders AS o WITH (FORCESEEK)
  JOIN @orders AS x ON x.seq = o.seq
  WHERE x.is_same = 1;
  DELETE h
  FROM order_history AS h WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = h.order_id
  WHERE x.is_same = 1;
  DELETE h
  FROM order_change_history AS h WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = h.order_id
  WHERE x.is_same = 1;
  IF EXISTS (SELECT 1 FROM @orders AS x WHERE x.is_same = 1)
  BEGIN${auditOnce('archive')}
  END;
END;
COMMIT TRANSACTION;
SELECT x.order_id FROM @orders AS x WHERE x.is_same = 1;
SELECT @is_rebuilding AS is_rebuilding, @is_reindexing AS is_reindexing;
`
