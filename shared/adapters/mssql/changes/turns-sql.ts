import { ITEMS_OF_BATCH } from '../orders/store-batch-sql.ts'
import { SELECT_BY_IDS } from '../orders/order-views-sql.ts'

/**
 * Reads everything on which a decision about an order's changes depends: the order's first undecided changes, its
 * status and content, and the applied changes that it no longer contains because it was lost and then stored again from
 * its record. The SELECTs see the rows at different moments, so TAKE_TURNS checks whether the rows have changed since.
 *
 * Uses the primary and unique keys, order_changes_undecided and order_changes_applied.
 */
export const SELECT_TURNS = `
SELECT c.change_id, c.state, c.cause_code, c.cause_detail
FROM OPENJSON(@changeIds) WITH (change_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.change_id = i.change_id
UNION ALL
SELECT t.change_id, t.state, NULL, NULL
FROM OPENJSON(@changeIds) WITH (change_id UNIQUEIDENTIFIER '$') AS i
JOIN archived_changes AS t ON t.change_id = i.change_id;
SELECT c.order_id, c.change_id, c.turn, c.kind, c.state, c.event, c.accepted_at, c.waits_told, c.origin_topic,
  c.origin_partition, c.origin_offset, (
    SELECT MAX(a.turn) FROM order_changes AS a WHERE a.order_id = c.order_id AND a.state = 'applied'
  ) AS last_applied
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
CROSS APPLY (
  SELECT TOP (@limit) u.order_id, u.change_id, u.turn, u.kind, u.state, u.event, u.accepted_at, u.waits_told,
    u.origin_topic, u.origin_partition, u.origin_offset
  FROM order_changes AS u
  WHERE u.order_id = i.order_id AND u.state IN ('waiting', 'retrying', 'dead-lettered') AND u.turn IS NOT NULL
  ORDER BY u.turn
) AS c
ORDER BY c.order_id, c.turn;
${SELECT_BY_IDS}
SELECT c.order_id, c.version, c.event, c.accepted_at
FROM @found AS f
JOIN orders AS o ON o.seq = f.seq
JOIN order_changes AS c ON c.order_id = o.order_id AND c.state = 'applied' AND c.version > o.version
ORDER BY c.order_id, c.version;
`

/**
 * For several orders, writes the decisions about their changes. Either all the decisions about an order are written, or
 * none are. None are written if the order's version has changed or its customer has been forgotten since the order was
 * read, if one of the changes is no longer waiting, or if the decisions leave out an earlier undecided change. The
 * caller then reads the order again.
 *
 * Rows are locked before they are checked, the changes first (locks.ts), so the checks read final values. No earlier
 * change can appear afterwards, because turns only increase. A change that an operator restores at the same time is
 * treated as if it had been restored afterwards.
 *
 * Races have the correct outcome under READ COMMITTED, with and without row versions (READ_COMMITTED_SNAPSHOT):
 * - Two instances decide the same changes. Both lock the rows, and the second finds that the changes are no longer
 *   waiting. An UPDATE waits for the row and reads the committed value, even with row versions.
 * - Two instances decide different changes to one order. The second finds that the order's version has changed.
 * - One instance stores an order and another one records a change to it. Each looks for waiting changes after its
 *   commit (lookForTurns), so the one that commits last sees both the order and the change. Without row versions, that
 *   query waits for uncommitted rows, but it cannot deadlock, because it holds no lock.
 * - A retry topic delivers a change, or its order, while the orders topic delivers a later change. Both transactions
 *   lock the partition's row in the ledger, so they write one after the other, and the query after the second commit
 *   sees all the rows.
 * - An operator discards a change while a later one is being delivered. If both are in one partition, the lock on the
 *   ledger's row makes them run one after the other. If they are in different partitions, the discard may miss the
 *   later change, which has not been committed yet. That change then takes its turn as if it had come after the
 *   discard, because the query after its commit finds it.
 * - An operator discards a change while its redrive is being delivered. The lock on the ledger's row makes them run one
 *   after the other: a discard that comes second finds the letter resolved, and a redrive that comes second is
 *   withheld.
 *
 * While a rebuild runs, its row is locked first, so that no decision is written during a step of the rebuild, because
 * that step would overwrite it (rebuild-swap-sql.ts). If waiting for the row takes too long, the statement times out
 * and the batch is delivered again.
 */
export const TAKE_TURNS = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @now DATETIME2(3), @preview BIT;
SELECT @now = b.now, @preview = b.preview
FROM OPENJSON(@batch) WITH (now DATETIME2(3) '$.now', preview BIT '$.preview') AS b;
DECLARE @turns TABLE (
  i INT NOT NULL PRIMARY KEY,
  order_id UNIQUEIDENTIFIER NOT NULL UNIQUE,
  seq BIGINT NULL,
  seen_version INT NULL,
  seen_forgotten BIT NOT NULL,
  last_turn BIGINT NULL,
  version INT NULL,
  customer_name NVARCHAR(4000) NULL,
  customer_last_name NVARCHAR(4000) NULL,
  customer_email NVARCHAR(4000) NULL,
  shipping_address NVARCHAR(4000) NULL,
  billing_address NVARCHAR(4000) NULL,
  total_price DECIMAL(19, 4) NULL,
  payment_method VARCHAR(40) NULL,
  cancelled_at DATETIME2(3) NULL,
  cancellation_reason NVARCHAR(4000) NULL,
  has_items BIT NOT NULL,
  is_sound BIT NOT NULL
);
DECLARE @verdicts TABLE (
  n INT NOT NULL PRIMARY KEY,
  i INT NOT NULL,
  change_id UNIQUEIDENTIFIER NOT NULL UNIQUE,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
  told VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
  version INT NULL,
  cause_code NVARCHAR(200) NULL,
  cause_detail NVARCHAR(MAX) NULL
);
DECLARE @waits TABLE (
  n INT NOT NULL PRIMARY KEY, i INT NOT NULL, order_id UNIQUEIDENTIFIER NOT NULL, change_id UNIQUEIDENTIFIER NOT NULL UNIQUE
);
DECLARE @told TABLE (change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @gone TABLE (
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  order_seq BIGINT NOT NULL,
  PRIMARY KEY (word, order_seq)
);
INSERT INTO @turns (
  i, order_id, seq, seen_version, seen_forgotten, last_turn, version, customer_name, customer_last_name, customer_email,
  shipping_address, billing_address, total_price, payment_method, cancelled_at, cancellation_reason, has_items, is_sound
)
SELECT t.i, t.order_id, t.seq, t.seen_version, t.seen_forgotten, t.last_turn, t.version, t.customer_name /* text */,
  t.customer_last_name /* text */, t.customer_email /* text */, t.shipping_address /* text */,
  t.billing_address /* text */, t.total_price, t.payment_method, t.cancelled_at, t.cancellation_reason /* text */,
  t.has_items, 1
FROM OPENJSON(@batch, '$.turns') WITH (
  i INT '$.i',
  order_id UNIQUEIDENTIFIER '$.orderId',
  seq BIGINT '$.seq',
  seen_version INT '$.seenVersion',
  seen_forgotten BIT '$.seenForgotten',
  last_turn BIGINT '$.lastTurn',
  version INT '$.version',
  customer_name NVARCHAR(4000) '$.customerName',
  customer_last_name NVARCHAR(4000) '$.customerLastName',
  customer_email NVARCHAR(4000) '$.customerEmail',
  shipping_address NVARCHAR(4000) '$.shippingAddress',
  billing_address NVARCHAR(4000) '$.billingAddress',
  total_price DECIMAL(19, 4) '$.totalPrice',
  payment_method VARCHAR(40) '$.paymentMethod',
  cancelled_at DATETIME2(3) '$.cancelledAt',
  cancellation_reason NVARCHAR(4000) '$.cancellationReason',
  has_items BIT '$.hasItems'
) AS t;
INSERT INTO @verdicts (n, i, change_id, state, told, version, cause_code, cause_detail)
SELECT v.n, v.i, v.change_id, v.state, v.told, v.version, v.cause_code, v.cause_detail /* text */
FROM OPENJSON(@batch, '$.verdicts') WITH (
  n INT '$.n', i INT '$.i', change_id UNIQUEIDENTIFIER '$.changeId', state VARCHAR(20) '$.state', told VARCHAR(20) '$.told',
  version INT '$.version', cause_code NVARCHAR(200) '$.code', cause_detail NVARCHAR(MAX) '$.detail'
) AS v;
INSERT INTO @waits (n, i, order_id, change_id)
SELECT w.n, w.i, t.order_id, w.change_id
FROM OPENJSON(@batch, '$.waits') WITH (n INT '$.n', i INT '$.i', change_id UNIQUEIDENTIFIER '$.changeId') AS w
JOIN @turns AS t ON t.i = w.i;
INSERT INTO @gone (word, order_seq)
SELECT w.word, t.seq
FROM OPENJSON(@batch, '$.gone') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]') AS w
JOIN @turns AS t ON t.i = w.i;

BEGIN TRANSACTION;
UPDATE rebuild SET completed_seq = completed_seq WHERE only_row = 1 AND state = 'running';
UPDATE c
SET attempt = c.attempt
FROM order_changes AS c WITH (FORCESEEK)
JOIN (SELECT v.change_id FROM @verdicts AS v UNION ALL SELECT w.change_id FROM @waits AS w) AS x ON x.change_id = c.change_id;
UPDATE s
SET attempt = s.attempt
FROM order_states AS s WITH (FORCESEEK)
JOIN @turns AS t ON t.order_id = s.order_id;
UPDATE o
SET version = o.version
FROM orders AS o WITH (FORCESEEK)
JOIN @turns AS t ON t.seq = o.seq;

UPDATE t
SET is_sound = 0
FROM @turns AS t
WHERE (t.seq IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM orders AS o
    WHERE o.seq = t.seq AND o.version = t.seen_version AND COALESCE(o.forgotten, 0) = t.seen_forgotten
  ))
  OR (t.seq IS NULL AND t.last_turn IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM order_states AS s WHERE s.order_id = t.order_id AND s.status = 'discarded')
    OR EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = t.order_id)
  ))
  OR EXISTS (
    SELECT 1
    FROM @verdicts AS v
    LEFT JOIN order_changes AS c ON c.change_id = v.change_id AND c.state = 'waiting'
    WHERE v.i = t.i AND c.change_id IS NULL
  )
  OR EXISTS (
    SELECT 1
    FROM order_changes AS c
    LEFT JOIN @verdicts AS v ON v.change_id = c.change_id
    WHERE c.order_id = t.order_id AND c.turn < t.last_turn AND c.state IN ('waiting', 'retrying', 'dead-lettered')
      AND v.change_id IS NULL
  );
DELETE v FROM @verdicts AS v JOIN @turns AS t ON t.i = v.i WHERE t.is_sound = 0;

UPDATE c
SET state = v.state, version = v.version, cause_code = v.cause_code, cause_detail = v.cause_detail, updated_at = @now
FROM order_changes AS c WITH (FORCESEEK)
JOIN @verdicts AS v ON v.change_id = c.change_id;

INSERT INTO @told (change_id)
SELECT c.change_id
FROM @waits AS w
JOIN @turns AS t ON t.i = w.i
JOIN order_changes AS c ON c.change_id = w.change_id
WHERE t.is_sound = 1 AND c.state = 'waiting' AND c.waits_told = 0;

UPDATE c
SET waits_told = 1
FROM order_changes AS c WITH (FORCESEEK)
JOIN @told AS d ON d.change_id = c.change_id;

UPDATE o
SET version = t.version, customer_name = t.customer_name, customer_last_name = t.customer_last_name,
  customer_email = t.customer_email, shipping_address = t.shipping_address, billing_address = t.billing_address,
  total_price = t.total_price, payment_method = t.payment_method, cancelled_at = t.cancelled_at,
  cancellation_reason = t.cancellation_reason
FROM orders AS o WITH (FORCESEEK)
JOIN @turns AS t ON t.seq = o.seq
WHERE t.is_sound = 1 AND t.version IS NOT NULL;

DELETE x
FROM order_items AS x WITH (FORCESEEK)
JOIN @turns AS t ON t.seq = x.order_seq
WHERE t.is_sound = 1 AND t.has_items = 1;

INSERT INTO order_items (order_seq, line, item_code, brand, type, size, colour, quantity, price, currency)
SELECT t.seq, x.line, x.item_code /* text */, x.brand /* text */, x.type /* text */, x.size /* text */,
  x.colour /* text */, x.quantity, x.price, x.currency
FROM ${ITEMS_OF_BATCH} AS x
JOIN @turns AS t ON t.i = x.i
WHERE t.is_sound = 1;

DELETE l
FROM order_words AS l WITH (FORCESEEK)
JOIN @gone AS g ON l.word = g.word AND l.order_seq = g.order_seq
JOIN @turns AS t ON t.seq = g.order_seq
WHERE t.is_sound = 1;

INSERT INTO order_words (word, order_seq, in_name)
SELECT w.word, t.seq, w.in_name
FROM OPENJSON(@batch, '$.words') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
JOIN @turns AS t ON t.i = w.i
WHERE t.is_sound = 1 AND NOT EXISTS (
  SELECT 1 FROM order_words AS l WHERE l.word = w.word COLLATE Latin1_General_100_BIN2 AND l.order_seq = t.seq
);

INSERT INTO order_change_history (order_id, change_id, happened_at, kind, cause_code, cause_detail, version)
SELECT t.order_id, v.change_id, @now, v.told, v.cause_code, v.cause_detail, v.version
FROM @verdicts AS v
JOIN @turns AS t ON t.i = v.i
ORDER BY v.n;

INSERT INTO order_change_history (order_id, change_id, happened_at, kind)
SELECT w.order_id, w.change_id, @now, 'change-waits'
FROM @waits AS w
JOIN @told AS d ON d.change_id = w.change_id
ORDER BY w.n;
IF @preview = 1
  ROLLBACK TRANSACTION;
ELSE
  COMMIT TRANSACTION;
SELECT t.i, t.is_sound FROM @turns AS t;
`
