import { INSERT_AUDIT } from '../dead-letters/audit.ts'
import { DECLARE_CHANGES } from '../changes/order-changes-sql.ts'
import { DECLARE_ORDERS, ITEMS_OF_BATCH } from '../orders/store-batch-sql.ts'

/**
 * The statements of a rebuild. Each step is one round trip and one transaction (port Maintenance). Steps write the
 * log's content to separate tables. At the end, one transaction writes the differences to the live tables
 * (rebuild-swap-sql.ts), which keep their identity values, keys and indexes. All lookups use a primary or unique key.
 */
export const CLEAR_REBUILT = `
  TRUNCATE TABLE rebuilt_orders;
  TRUNCATE TABLE rebuilt_items;
  TRUNCATE TABLE rebuilt_words;
`

export const SELECT_REBUILD = `
SELECT r.state, r.why, r.leased_until, r.started_at, r.updated_at, r.operator, r.progress FROM rebuild AS r;
`

/**
 * If two processes begin the first rebuild at the same time, the later statement violates the primary key, is retried,
 * and then finds the row of the earlier one.
 */
export const BEGIN_REBUILD = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @is_taken BIT = 0, @is_archiving BIT = 0, @last BIGINT;
BEGIN TRANSACTION;
UPDATE archiving SET leased_until = leased_until WHERE only_row = 1;
SELECT @is_archiving = CASE WHEN a.leased_until > @nowMs THEN 1 ELSE 0 END FROM archiving AS a WHERE a.only_row = 1;
UPDATE rebuild SET leased_until = leased_until WHERE only_row = 1;
SELECT @is_taken = CASE WHEN r.state = 'running' AND r.leased_until > @nowMs AND r.lease_owner <> @owner THEN 1 ELSE 0 END
FROM rebuild AS r
WHERE r.only_row = 1;
IF @is_taken = 0 AND @is_archiving = 0
BEGIN${CLEAR_REBUILT}
  SELECT @last = COALESCE(MAX(o.seq), 0) FROM orders AS o;
  DELETE FROM rebuild;
  INSERT INTO rebuild (
    only_row, state, why, lease_owner, leased_until, started_at, updated_at, operator, last_seq, completed_seq, progress
  )
  VALUES (1, 'running', NULL, @owner, @nowMs + @leaseMs, @time, @time, @operator, @last, 0, @progress);
${INSERT_AUDIT('rebuild')}
END;
COMMIT TRANSACTION;
SELECT @is_taken AS is_taken, @is_archiving AS is_archiving;
`

/** Does the work if the rebuild still belongs to this owner. The last result (`is_mine`) says whether it did. */
export const inStep = (work: string, declare = '') => `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @is_mine BIT = 0, @last BIGINT, @completed BIGINT;
${declare}
BEGIN TRANSACTION;
UPDATE rebuild SET leased_until = @nowMs + @leaseMs, updated_at = @time, progress = @progress
WHERE only_row = 1 AND lease_owner = @owner AND state = 'running';
IF @@ROWCOUNT > 0
BEGIN
  SELECT @is_mine = 1, @last = r.last_seq, @completed = r.completed_seq FROM rebuild AS r WHERE r.only_row = 1;
${work}
END;
COMMIT TRANSACTION;
SELECT @is_mine AS is_mine;
`

/** Whether the ledger counted the record at this position as stored. */
const WAS_STORED = `EXISTS (
      SELECT 1 FROM ledger AS l
      WHERE l.group_id = @group AND l.topic = o.topic AND l.log_partition = o.log_partition
        AND l.first_offset <= o.log_offset AND l.next_offset > o.log_offset
    ) AND COALESCE((
      SELECT TOP (1) g.until_offset FROM ledger_gaps AS g
      WHERE g.group_id = @group AND g.topic = o.topic AND g.log_partition = o.log_partition
        AND g.since_offset <= o.log_offset
      ORDER BY g.since_offset DESC
    ), 0) <= o.log_offset AND NOT EXISTS (
      SELECT 1 FROM parked_records AS p
      WHERE p.group_id = @group AND p.topic = o.topic AND p.log_partition = o.log_partition
        AND p.log_offset = o.log_offset AND p.state IN ('retrying', 'dead', 'discarded', 'redriven')
    )`

/**
 * Projects orders in the format of STORE_BATCH (store-batch-json.ts). A record that has already been projected changes
 * nothing. The statement reads the ledger before the orders, so it finds every order that the ledger has counted.
 */
export const PROJECT_ORDERS = inStep(
  `
  UPDATE o
  SET outcome = CASE WHEN ${WAS_STORED} THEN 'lost' ELSE 'not-stored' END
  FROM @orders AS o;

  UPDATE o
  SET outcome = 'archived'
  FROM @orders AS o
  JOIN archived_orders AS t ON t.order_id = o.order_id;

  UPDATE o
  SET seq = k.seq, outcome = CASE
      WHEN k.origin_topic = o.topic AND k.origin_partition = o.log_partition AND k.origin_offset = o.log_offset
        THEN 'projected'
      ELSE 'elsewhere'
    END
  FROM @orders AS o
  JOIN orders AS k ON k.order_id = o.order_id;

  -- An order stays as it is if it was stored after the caller had read which orders are forgotten.
  INSERT INTO @new (i, seq)
  SELECT MIN(o.i), o.seq
  FROM @orders AS o
  JOIN orders AS k ON k.seq = o.seq AND (k.forgotten IS NULL OR o.forgotten = 1)
  WHERE o.outcome = 'projected' AND NOT EXISTS (SELECT 1 FROM rebuilt_orders AS r WHERE r.seq = o.seq)
  GROUP BY o.seq;

  INSERT INTO rebuilt_orders (
    seq, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address, currency,
    total_price, payment_method, accepted_at, body_hash, idempotency_key_hash, reference, metadata, version,
    forgotten
  )
  SELECT o.seq, o.customer_id, o.customer_name, o.customer_last_name, o.customer_email, o.shipping_address,
    o.billing_address, o.currency, o.total_price, o.payment_method, o.accepted_at, o.body_hash, o.idempotency_key_hash,
    o.reference, o.metadata, COALESCE(f.version, 1), o.forgotten
  FROM @new AS n
  JOIN @orders AS o ON o.i = n.i
  LEFT JOIN @folded AS f ON f.i = n.i;

  INSERT INTO rebuilt_items (order_seq, line, item_code, brand, type, size, colour, quantity, price, currency)
  SELECT n.seq, x.line, x.item_code /* text */, x.brand /* text */, x.type /* text */, x.size /* text */,
    x.colour /* text */, x.quantity, x.price, x.currency
  FROM ${ITEMS_OF_BATCH} AS x
  JOIN @new AS n ON n.i = x.i;

  INSERT INTO rebuilt_words (order_seq, word, in_name)
  SELECT n.seq, w.word, w.in_name
  FROM OPENJSON(@batch, '$.words') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
  JOIN @new AS n ON n.i = w.i;

  SELECT o.i, o.outcome FROM @orders AS o ORDER BY o.i;`,
  `${DECLARE_ORDERS}
DECLARE @new TABLE (i INT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL UNIQUE);
DECLARE @folded TABLE (i INT NOT NULL PRIMARY KEY, version INT NOT NULL);
INSERT INTO @folded (i, version)
SELECT v.i, v.version FROM OPENJSON(@versions) WITH (i INT '$[0]', version INT '$[1]') AS v;`,
)

/**
 * Selects the changes that were applied to the given orders, and then the ids of the orders whose customer was
 * forgotten. Uses order_changes_applied, whose entries are sorted by version, and the unique index on order_id.
 */
export const SELECT_APPLIED = `
SELECT c.order_id, c.event, c.accepted_at
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.order_id = i.order_id
WHERE c.state = 'applied'
ORDER BY c.order_id, c.version;
SELECT o.order_id
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN orders AS o ON o.order_id = i.order_id
WHERE o.forgotten = 1;
`

/**
 * Finds lost changes. Changes are not rebuilt, because the store keeps their events. Reads the ledger first, as
 * PROJECT_ORDERS does.
 */
export const PROJECT_CHANGES = inStep(
  `
  UPDATE o
  SET outcome = CASE WHEN ${WAS_STORED} THEN 'lost' ELSE 'not-stored' END
  FROM @changes AS o;

  UPDATE o
  SET outcome = 'archived'
  FROM @changes AS o
  JOIN archived_changes AS t ON t.change_id = o.change_id;

  UPDATE o
  SET outcome = CASE
      WHEN k.state IN ('retrying', 'dead-lettered', 'discarded') THEN 'not-stored'
      WHEN k.origin_topic = o.topic AND k.origin_partition = o.log_partition AND k.origin_offset = o.log_offset
        THEN 'projected'
      ELSE 'elsewhere'
    END
  FROM @changes AS o
  JOIN order_changes AS k ON k.change_id = o.change_id;

  SELECT o.i, o.outcome FROM @changes AS o ORDER BY o.i;`,
  DECLARE_CHANGES,
)

/**
 * Reads the next live orders. Returns their number, how many of them were not projected from a record, and how many of
 * the latter come from offsets before the log start. Then returns the orders that were not projected, because their
 * words have to be added. `@starts` contains one row for each partition, so no order is counted twice.
 */
export const COMPLETE_ORDERS = inStep(
  `
  INSERT INTO @page (seq)
  SELECT TOP (@limit) o.seq FROM orders AS o WHERE o.seq > @completed ORDER BY o.seq;
  INSERT INTO @kept (seq)
  SELECT p.seq FROM @page AS p WHERE NOT EXISTS (SELECT 1 FROM rebuilt_orders AS r WHERE r.seq = p.seq);
  UPDATE rebuild SET completed_seq = (SELECT COALESCE(MAX(p.seq), @completed) FROM @page AS p) WHERE only_row = 1;

  SELECT COUNT(*) AS orders, (SELECT COUNT(*) FROM @kept AS k WHERE k.seq <= @last) AS kept, (
    SELECT COUNT(*)
    FROM @kept AS k
    JOIN orders AS o ON o.seq = k.seq
    JOIN @starts AS s ON s.topic = o.origin_topic AND s.log_partition = o.origin_partition
    WHERE k.seq <= @last AND o.origin_offset < s.log_offset
  ) AS expired
  FROM @page AS p;
  SELECT o.seq, o.order_id, o.customer_name, o.customer_last_name, o.customer_email, o.reference
  FROM @kept AS k JOIN orders AS o ON o.seq = k.seq;
  SELECT x.order_seq, x.item_code, x.brand, x.type, x.size, x.colour
  FROM @kept AS k JOIN order_items AS x ON x.order_seq = k.seq;`,
  `DECLARE @page TABLE (seq BIGINT NOT NULL PRIMARY KEY);
DECLARE @kept TABLE (seq BIGINT NOT NULL PRIMARY KEY);
DECLARE @starts TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, log_partition)
);
INSERT INTO @starts (topic, log_partition, log_offset)
SELECT s.topic, s.log_partition, s.log_offset
FROM OPENJSON(@logStarts) WITH (
  topic NVARCHAR(4000) '$.topic', log_partition INT '$.partition', log_offset BIGINT '$.offset'
) AS s;`,
)

export const ADD_WORDS = inStep(`
  INSERT INTO rebuilt_words (order_seq, word, in_name)
  SELECT w.seq, w.word, w.in_name
  FROM OPENJSON(@words) WITH (seq BIGINT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w;`)

/** Does nothing if the rebuild now belongs to another process. */
export const ABANDON_REBUILD = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
BEGIN TRANSACTION;
UPDATE rebuild SET state = 'failed', why = @why, updated_at = CAST(@at AS DATETIME2(3))
WHERE only_row = 1 AND lease_owner = @owner AND state = 'running';
IF @@ROWCOUNT > 0
BEGIN${CLEAR_REBUILT}
END;
COMMIT TRANSACTION;
`
