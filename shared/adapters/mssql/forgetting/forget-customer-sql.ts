import { INSERT_AUDIT } from '../dead-letters/audit.ts'
import { LETTER_COLUMNS } from '../dead-letters/letter-rows.ts'
import { DECLARE_PARTITIONS, LOCK_PARTITIONS, lockChanges, lockStates } from '../database/locks.ts'
import { CLEAR_REBUILT } from '../rebuild/rebuild-sql.ts'
import { FORGOTTEN } from '../../../domain/forgetting/forgotten-data.ts'
import { isUnmarked } from './forgotten-customers-sql.ts'

/**
 * Uses orders_by_customer and archived_orders_by_customer. Reads all of order_states, which contains only the few
 * orders that are not stored. Archived orders are selected too, because their letters, and changes that arrived too
 * late for the archive, are still in the store. If an order was archived after its customer had been forgotten, the
 * archive file does not contain the personal data (`has_data`). `forgotten_customers` has only the last time at which
 * the customer was forgotten; the audit log has the earlier ones (audit_by_target).
 */
export const SELECT_ORDERS_OF_CUSTOMER = `
SELECT o.seq, o.order_id, o.version, o.forgotten FROM orders AS o WHERE o.customer_id = @customerId ORDER BY o.seq;
SELECT s.seq, s.order_id, s.status, s.updated_at, s.order_json FROM order_states AS s WHERE s.customer_id = @customerId;
SELECT a.order_id, a.archive_file, CAST(CASE WHEN EXISTS (
  SELECT 1
  FROM forgotten_customers AS f
  WHERE f.customer_id = a.customer_id AND a.accepted_at <= f.forgotten_at AND f.forgotten_at < a.archived_at
) OR EXISTS (
  SELECT 1
  FROM audit AS u
  WHERE u.target = @target AND u.action = 'forget' AND a.accepted_at <= u.happened_at AND u.happened_at < a.archived_at
) THEN 0 ELSE 1 END AS BIT) AS has_data
FROM archived_orders AS a
WHERE a.customer_id = @customerId;
`

/**
 * Reads every payload, a few at a time, because dead letters have no column for the customer. The caller parses the
 * payloads that may name the customer.
 */
export const SELECT_PAYLOADS = `
SELECT TOP (@limit) d.kept_seq, d.order_id, d.record_value, d.edited_value
FROM dead_letters AS d
WHERE d.kept_seq > @after
ORDER BY d.kept_seq;
`

export const SELECT_LAST_LETTER = 'SELECT COALESCE(MAX(d.kept_seq), 0) AS last_seq FROM dead_letters AS d;'

/** Selects those of the given orders that, according to the store, belong to another customer. */
export const SELECT_ORDERS_OF_OTHERS = `
SELECT o.order_id
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN orders AS o ON o.order_id = i.order_id
WHERE o.customer_id <> @customerId
UNION ALL
SELECT s.order_id
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_states AS s ON s.order_id = i.order_id
WHERE s.customer_id <> @customerId;
`

/** Selects the given letters, and all letters of the given orders. Uses dead_letters_by_order and the primary key. */
export const SELECT_LETTERS_OF_CUSTOMER = `
SELECT ${LETTER_COLUMNS}
FROM dead_letters AS d
WHERE d.kept_seq IN (
  SELECT l.kept_seq FROM OPENJSON(@letters) WITH (kept_seq BIGINT '$') AS l
  UNION
  SELECT e.kept_seq
  FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
  JOIN dead_letters AS e ON e.order_id = i.order_id
)
ORDER BY d.kept_seq;
`

/**
 * The items and search words of these orders. The whole table of words is read. It is in alphabetical order, so the
 * words of one order are not side by side. Words that an earlier version derived by another rule cannot be looked up
 * one by one.
 */
export const SELECT_WORDS_OF_ORDERS = `
SELECT x.order_seq, x.item_code, x.brand, x.type, x.size, x.colour
FROM OPENJSON(@seqs) WITH (seq BIGINT '$') AS i
JOIN order_items AS x ON x.order_seq = i.seq;
SELECT w.order_seq, w.word, w.in_name
FROM order_words AS w
JOIN OPENJSON(@seqs) WITH (seq BIGINT '$') AS i ON i.seq = w.order_seq;
`

const PLACEHOLDERS = `customer_name = N'${FORGOTTEN.customerName}', customer_last_name = N'${FORGOTTEN.customerLastName}',
    customer_email = N'${FORGOTTEN.customerEmail}', shipping_address = N'${FORGOTTEN.shippingAddress}',
    billing_address = N'${FORGOTTEN.billingAddress}'`

/**
 * Forgets a customer in one transaction. The caller has read the customer's data, and passes it with the personal data
 * removed. The transaction first records that the customer is forgotten. If the store has data that the caller does not
 * know, or that has changed since, nothing is written, and the caller reads again.
 *
 * This transaction locks every partition of the ledger, and the row that LOCK_FORGETTING locks. Until the transaction
 * ends, no order, change or letter can be stored, so the check is final. All locks are taken and released within one
 * round trip. TAKE_TURNS decides changes without locking a partition. But both transactions lock the rows of changes
 * and orders, so the second one finds that the order has changed. Retention also removes the content of letters without
 * locking a partition, and a letter whose content was removed in the meantime stays empty.
 *
 * Without a customer (@customerId is null), personal data is removed only from the changes and letters of the given
 * orders. In that case, no customer is recorded as forgotten, and the audit log gets no entry.
 */
export const FORGET = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @ids TABLE (order_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @orders TABLE (seq BIGINT NOT NULL PRIMARY KEY, version INT NOT NULL);
DECLARE @states TABLE (seq BIGINT NOT NULL PRIMARY KEY, updated_at DATETIME2(3) NOT NULL, order_json NVARCHAR(MAX) NOT NULL);
DECLARE @events TABLE (change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY, event NVARCHAR(MAX) NOT NULL);
DECLARE @gone TABLE (
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  order_seq BIGINT NOT NULL,
  PRIMARY KEY (word, order_seq)
);
DECLARE @letters TABLE (
  kept_seq BIGINT NOT NULL PRIMARY KEY,
  first_detail NVARCHAR(MAX) NOT NULL,
  last_detail NVARCHAR(MAX) NOT NULL,
  headers NVARCHAR(MAX) NOT NULL,
  value_at INT NULL,
  value_length INT NULL,
  edit_at INT NULL,
  edit_length INT NULL,
  seen_at INT NULL,
  seen_length INT NULL
);
${DECLARE_PARTITIONS}INSERT INTO @ids (order_id)
SELECT i.order_id FROM OPENJSON(@batch, '$.ids') WITH (order_id UNIQUEIDENTIFIER '$') AS i;
INSERT INTO @orders (seq, version)
SELECT o.seq, o.version FROM OPENJSON(@batch, '$.orders') WITH (seq BIGINT '$[0]', version INT '$[1]') AS o;
INSERT INTO @states (seq, updated_at, order_json)
SELECT s.seq, s.updated_at, j.value
FROM OPENJSON(@batch, '$.states') WITH (n INT '$[0]', seq BIGINT '$[1]', updated_at DATETIME2(3) '$[2]') AS s
JOIN OPENJSON(@batch, '$.stateOrders') AS j ON CAST(j.[key] AS INT) = s.n;
INSERT INTO @events (change_id, event)
SELECT c.change_id, e.value
FROM OPENJSON(@batch, '$.storedChanges') WITH (n INT '$[0]', change_id UNIQUEIDENTIFIER '$[1]') AS c
JOIN OPENJSON(@batch, '$.storedEvents') AS e ON CAST(e.[key] AS INT) = c.n;
INSERT INTO @gone (word, order_seq)
SELECT w.word, w.order_seq FROM OPENJSON(@batch, '$.gone') WITH (order_seq BIGINT '$[0]', word NVARCHAR(4000) '$[1]') AS w;
INSERT INTO @letters (
  kept_seq, first_detail, last_detail, headers, value_at, value_length, edit_at, edit_length, seen_at, seen_length
)
SELECT l.kept_seq, l.first_detail /* text */, l.last_detail /* text */, h.value, l.value_at, l.value_length, l.edit_at,
  l.edit_length, l.seen_at, l.seen_length
FROM OPENJSON(@batch, '$.letters') WITH (
  n INT '$.n', kept_seq BIGINT '$.seq', first_detail NVARCHAR(MAX) '$.firstDetail', last_detail NVARCHAR(MAX) '$.lastDetail',
  value_at INT '$.value.at', value_length INT '$.value.length', edit_at INT '$.edit.at', edit_length INT '$.edit.length',
  seen_at INT '$.seen.at', seen_length INT '$.seen.length'
) AS l
JOIN OPENJSON(@batch, '$.headers') AS h ON CAST(h.[key] AS INT) = l.n;
DECLARE @is_rebuilding BIT = 0, @is_reindexing BIT = 0, @is_known BIT = 1;

BEGIN TRANSACTION;
UPDATE archiving SET leased_until = leased_until WHERE only_row = 1;
IF EXISTS (SELECT 1 FROM rebuild AS r WHERE r.only_row = 1 AND r.state = 'running' AND r.leased_until > @nowMs)
  SET @is_rebuilding = 1;
IF EXISTS (SELECT 1 FROM search_reindex AS r WHERE r.only_row = 1)
  SET @is_reindexing = 1;
IF @customerId IS NOT NULL AND (@is_rebuilding = 1 OR @is_reindexing = 1)
BEGIN
  ROLLBACK TRANSACTION;
  SELECT @is_rebuilding AS is_rebuilding, @is_reindexing AS is_reindexing, @is_known AS is_known;
  RETURN;
END;
-- The tables of a rebuild whose process died may still have the personal data.
IF @is_rebuilding = 0
BEGIN
  UPDATE rebuild SET state = 'failed', why = @why, updated_at = @time WHERE only_row = 1 AND state = 'running';
${CLEAR_REBUILT}
END;
UPDATE forgetting SET last_at = @time WHERE only_row = 1;
INSERT INTO @partitions (n, group_id, topic, log_partition)
SELECT ROW_NUMBER() OVER (ORDER BY l.group_id, l.topic, l.log_partition), l.group_id, l.topic, l.log_partition
FROM ledger AS l;
${LOCK_PARTITIONS}UPDATE forgotten_customers SET forgotten_at = @time WHERE customer_id = @customerId AND forgotten_at < @time;
INSERT INTO forgotten_customers (customer_id, forgotten_at)
SELECT @customerId, @time
WHERE @customerId IS NOT NULL AND NOT EXISTS (SELECT 1 FROM forgotten_customers AS f WHERE f.customer_id = @customerId);

${lockChanges('@ids')}${lockStates('@ids')}
UPDATE o
SET version = o.version
FROM orders AS o WITH (FORCESEEK)
JOIN @orders AS x ON x.seq = o.seq;

IF EXISTS (
  SELECT 1
  FROM orders AS o
  LEFT JOIN @orders AS x ON x.seq = o.seq AND x.version = o.version
  WHERE o.customer_id = @customerId AND o.forgotten IS NULL AND x.seq IS NULL
)
  OR EXISTS (
    SELECT 1
    FROM order_states AS s
    LEFT JOIN @states AS x ON x.seq = s.seq AND x.updated_at = s.updated_at
    WHERE s.customer_id = @customerId AND s.order_json IS NOT NULL AND ${isUnmarked('s.order_json')} AND x.seq IS NULL
  )
  OR EXISTS (
    SELECT 1
    FROM @ids AS i
    JOIN order_changes AS c ON c.order_id = i.order_id
    LEFT JOIN @events AS x ON x.change_id = c.change_id
    WHERE c.event IS NOT NULL AND ${isUnmarked('c.event')} AND x.change_id IS NULL
  )
  OR EXISTS (SELECT 1 FROM dead_letters AS d WHERE d.kept_seq > @last)
  OR EXISTS (
    SELECT 1
    FROM @letters AS x
    JOIN dead_letters AS d ON d.kept_seq = x.kept_seq
    WHERE COALESCE(d.edited_value, 0x) <> COALESCE(SUBSTRING(@bytes, x.seen_at, x.seen_length), 0x)
  )
  SET @is_known = 0;
IF @is_known = 1
BEGIN
  UPDATE c
  SET event = x.event
  FROM order_changes AS c WITH (FORCESEEK)
  JOIN @events AS x ON x.change_id = c.change_id;

  UPDATE s
  SET order_json = x.order_json, reference = NULL
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @states AS x ON x.seq = s.seq;
  DELETE w
  FROM order_state_words AS w WITH (FORCESEEK)
  JOIN @states AS x ON x.seq = w.state_seq;
  INSERT INTO order_state_words (state_seq, word, in_name)
  SELECT s.seq, w.word, w.in_name
  FROM OPENJSON(@batch, '$.stateWords') WITH (seq BIGINT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
  JOIN order_states AS s ON s.seq = w.seq;

  UPDATE o
  SET ${PLACEHOLDERS},
    reference = NULL, metadata = NULL, cancellation_reason = NULL, forgotten = 1
  FROM orders AS o WITH (FORCESEEK)
  JOIN @orders AS x ON x.seq = o.seq;
  DELETE l
  FROM order_words AS l WITH (FORCESEEK)
  JOIN @gone AS g ON l.word = g.word AND l.order_seq = g.order_seq;
  INSERT INTO order_words (word, order_seq, in_name)
  SELECT w.word, o.seq, w.in_name
  FROM OPENJSON(@batch, '$.words') WITH (seq BIGINT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
  JOIN orders AS o ON o.seq = w.seq
  WHERE NOT EXISTS (
    SELECT 1 FROM order_words AS l WHERE l.word = w.word COLLATE Latin1_General_100_BIN2 AND l.order_seq = o.seq
  );

  UPDATE d
  SET record_value = SUBSTRING(@bytes, x.value_at, x.value_length),
    edited_value = SUBSTRING(@bytes, x.edit_at, x.edit_length), headers = x.headers, stack = NULL,
    first_detail = x.first_detail, last_detail = x.last_detail
  FROM dead_letters AS d
  JOIN @letters AS x ON x.kept_seq = d.kept_seq
  WHERE d.removed_at IS NULL;
  IF @customerId IS NOT NULL
  BEGIN${INSERT_AUDIT('forget')}
  END;
  COMMIT TRANSACTION;
END
ELSE
BEGIN
  ROLLBACK TRANSACTION;
END;
SELECT @is_rebuilding AS is_rebuilding, @is_reindexing AS is_reindexing, @is_known AS is_known;
`
