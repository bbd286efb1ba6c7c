import { LOOK_FOR_ARCHIVED } from '../forgetting/forgotten-customers-sql.ts'
import { INSERT_ITEMS_AND_WORDS } from '../orders/store-batch-sql.ts'
import { auditOnce, beginArchiving } from './archive-sql.ts'

type Target = 'place' | 'end'

/**
 * An order's position in lists is an identity value (`seq`). Inserting an order at its earlier position requires
 * IDENTITY_INSERT. Orders that get a new position at the end are inserted separately, because IDENTITY_INSERT refuses
 * rows without a value, and Babelfish cannot combine it with OUTPUT. Both insertions read the JSON, because a table
 * variable would have to declare all the columns again.
 */
const insertOrders = (at: Target) => `
  INSERT INTO orders (
    ${at === 'place' ? 'seq, ' : ''}order_id, customer_id, customer_name, customer_last_name, customer_email,
    shipping_address, billing_address, currency, total_price, payment_method, accepted_at, stored_at, origin_topic,
    origin_partition, origin_offset, body_hash, idempotency_key_hash, recovered, reference, metadata, version,
    cancelled_at, cancellation_reason, forgotten
  )${at === 'place' ? '' : '\n  OUTPUT inserted.seq, inserted.order_id INTO @stored (seq, order_id)'}
  SELECT ${at === 'place' ? 'x.place, ' : ''}x.order_id, o.customer_id, o.customer_name /* text */, o.customer_last_name /* text */, o.customer_email /* text */,
    o.shipping_address /* text */, o.billing_address /* text */, o.currency, o.total_price, o.payment_method, o.accepted_at,
    o.stored_at, o.topic, o.log_partition, o.log_offset, o.body_hash, x.idempotency_key_hash, o.recovered,
    o.reference /* text */, o.metadata /* text */, o.version, o.cancelled_at, o.cancellation_reason /* text */, o.forgotten
  FROM OPENJSON(@batch, '$.orders') WITH (
    i INT '$.i',
    customer_id BIGINT '$.customerId',
    customer_name NVARCHAR(4000) '$.customerName',
    customer_last_name NVARCHAR(4000) '$.customerLastName',
    customer_email NVARCHAR(4000) '$.customerEmail',
    shipping_address NVARCHAR(4000) '$.shippingAddress',
    billing_address NVARCHAR(4000) '$.billingAddress',
    currency VARCHAR(20) '$.currency',
    total_price DECIMAL(19, 4) '$.totalPrice',
    payment_method VARCHAR(40) '$.paymentMethod',
    accepted_at DATETIME2(3) '$.acceptedAt',
    stored_at DATETIME2(3) '$.storedAt',
    topic NVARCHAR(4000) '$.topic',
    log_partition INT '$.partition',
    log_offset BIGINT '$.offset',
    body_hash VARCHAR(100) '$.bodyHash',
    recovered BIT '$.recovered',
    reference NVARCHAR(4000) '$.reference',
    metadata NVARCHAR(MAX) '$.metadata',
    version INT '$.version',
    cancelled_at DATETIME2(3) '$.cancelledAt',
    cancellation_reason NVARCHAR(4000) '$.cancellationReason',
    forgotten BIT '$.forgotten'
  ) AS o
  JOIN @orders AS x ON x.i = o.i
  WHERE x.is_new = 1 AND x.is_stored = 1 AND x.place IS ${at === 'place' ? 'NOT ' : ''}NULL
  ORDER BY o.i;
`

/**
 * Restores archived orders in one transaction. An order that the store already has stays unchanged. Any other order
 * returns to the position in lists that its tombstone records. Writing that position needs IDENTITY_INSERT, which only
 * a login that may alter the table can use. Without that permission, the restored order becomes the newest order. After
 * an error, SQL Server turns IDENTITY_INSERT off at the end of the statement (SQL Server's documentation of SET, under
 * sp_executesql), but Babelfish leaves it on for the pooled connection, so the statement turns it off itself.
 *
 * Events may be long, so they are read as elements of an array (order-changes-sql.ts says why). Returns four results:
 * the restored orders, the orders whose Idempotency-Key now belongs to another order, the orders that were archived
 * again with changes that the batch lacks, and whether a rebuild or a reindex prevented the restore. Nothing is written
 * if the second or the third result is not empty.
 */
export const RESTORE_ORDERS = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @preview BIT = (SELECT b.preview FROM OPENJSON(@batch) WITH (preview BIT '$.preview') AS b);
DECLARE @orders TABLE (
  i INT NOT NULL PRIMARY KEY,
  order_id UNIQUEIDENTIFIER NOT NULL UNIQUE,
  is_stored BIT NOT NULL,
  is_new BIT NOT NULL,
  is_key_taken BIT NOT NULL,
  is_older BIT NOT NULL,
  idempotency_key_hash VARCHAR(100) COLLATE Latin1_General_100_BIN2 NULL,
  place BIGINT NULL,
  seq BIGINT NULL
);
-- The changes that the batch has, in a table. Otherwise the JSON would be parsed once for each tombstone.
DECLARE @held TABLE (change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @stored TABLE (seq BIGINT NOT NULL PRIMARY KEY, order_id UNIQUEIDENTIFIER NOT NULL UNIQUE);
INSERT INTO @orders (i, order_id, is_stored, is_new, is_key_taken, is_older, idempotency_key_hash)
SELECT x.i, x.order_id, x.is_stored, 0, 0, 0, x.idempotency_key_hash
FROM OPENJSON(@batch, '$.orders') WITH (
  i INT '$.i', order_id UNIQUEIDENTIFIER '$.orderId', is_stored BIT '$.isStored', idempotency_key_hash VARCHAR(100) '$.keyHash'
) AS x;
INSERT INTO @held (change_id)
SELECT DISTINCT c.change_id
FROM OPENJSON(@batch, '$.changes') WITH (change_id UNIQUEIDENTIFIER '$.changeId') AS c;
${beginArchiving()}${LOOK_FOR_ARCHIVED}
IF @is_rebuilding = 0 AND @is_reindexing = 0
BEGIN
  UPDATE x
  SET is_new = 1
  FROM @orders AS x
  WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = x.order_id)
    AND NOT EXISTS (SELECT 1 FROM order_states AS s WHERE s.order_id = x.order_id);
  UPDATE x
  SET is_key_taken = 1
  FROM @orders AS x
  JOIN orders AS o ON o.idempotency_key_hash = x.idempotency_key_hash AND o.idempotency_key_hash IS NOT NULL
  WHERE x.is_new = 1;
  UPDATE x
  SET is_older = 1
  FROM @orders AS x
  JOIN archived_changes AS t ON t.order_id = x.order_id
  WHERE x.is_new = 1 AND NOT EXISTS (SELECT 1 FROM @held AS c WHERE c.change_id = t.change_id);
  -- A discarded order that was redriven, stored and archived again.
  UPDATE x
  SET is_older = 1
  FROM @orders AS x
  JOIN archived_orders AS t ON t.order_id = x.order_id
  WHERE x.is_new = 1 AND x.is_stored = 0 AND t.body_hash IS NOT NULL;
END;
IF EXISTS (SELECT 1 FROM @orders AS x WHERE x.is_new = 1)
  AND NOT EXISTS (SELECT 1 FROM @orders AS x WHERE x.is_key_taken = 1 OR x.is_older = 1)
BEGIN
  UPDATE x
  SET place = t.seq
  FROM @orders AS x
  JOIN archived_orders AS t ON t.order_id = x.order_id
  WHERE x.is_new = 1 AND x.is_stored = 1 AND HAS_PERMS_BY_NAME(N'orders', N'OBJECT', N'ALTER') = 1
    AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.seq = t.seq);
  -- The turns of an order's changes follow those of changes that were refused because the order was archived.
  INSERT INTO order_changes (
    change_id, order_id, turn, kind, state, event, body_hash, idempotency_key_hash, origin_topic, origin_partition,
    origin_offset, accepted_at, updated_at, version, cause_code, cause_detail, attempt, waits_told
  )
  SELECT c.change_id, x.order_id,
    COALESCE((SELECT MAX(k.turn) FROM order_changes AS k WHERE k.order_id = x.order_id), 0)
      + ROW_NUMBER() OVER (PARTITION BY x.order_id ORDER BY c.n),
    c.kind, c.state, e.value, c.body_hash, c.idempotency_key_hash, c.topic, c.log_partition, c.log_offset, c.accepted_at,
    c.updated_at, c.version, c.cause_code, c.cause_detail /* text */, c.attempt, 0
  FROM OPENJSON(@batch, '$.changes') WITH (
    n INT '$.n',
    i INT '$.i',
    change_id UNIQUEIDENTIFIER '$.changeId',
    kind VARCHAR(20) '$.kind',
    state VARCHAR(20) '$.state',
    body_hash VARCHAR(100) '$.bodyHash',
    idempotency_key_hash VARCHAR(100) '$.keyHash',
    topic NVARCHAR(4000) '$.topic',
    log_partition INT '$.partition',
    log_offset BIGINT '$.offset',
    accepted_at DATETIME2(3) '$.acceptedAt',
    updated_at DATETIME2(3) '$.updatedAt',
    version INT '$.version',
    cause_code NVARCHAR(200) '$.causeCode',
    cause_detail NVARCHAR(MAX) '$.causeDetail',
    attempt BIGINT '$.attempt'
  ) AS c
  JOIN @orders AS x ON x.i = c.i
  LEFT JOIN OPENJSON(@batch, '$.events') AS e ON CAST(e.[key] AS INT) = c.n
  WHERE x.is_new = 1
  ORDER BY c.n;

  INSERT INTO order_states (
    order_id, status, attempt, max_attempts, cause_code, cause_detail, accepted_at, updated_at, order_json, customer_id,
    currency, payment_method, reference
  )
  SELECT x.order_id, 'discarded', s.attempt, s.max_attempts, s.cause_code, s.cause_detail /* text */, s.accepted_at,
    s.updated_at, j.value, s.customer_id, s.currency, s.payment_method, s.reference /* text */
  FROM OPENJSON(@batch, '$.states') WITH (
    i INT '$.i',
    attempt BIGINT '$.attempt',
    max_attempts BIGINT '$.maxAttempts',
    cause_code NVARCHAR(200) '$.causeCode',
    cause_detail NVARCHAR(MAX) '$.causeDetail',
    accepted_at DATETIME2(3) '$.acceptedAt',
    updated_at DATETIME2(3) '$.updatedAt',
    customer_id BIGINT '$.customerId',
    currency VARCHAR(3) '$.currency',
    payment_method VARCHAR(20) '$.paymentMethod',
    reference NVARCHAR(4000) '$.reference'
  ) AS s
  JOIN @orders AS x ON x.i = s.i
  LEFT JOIN OPENJSON(@batch, '$.stateOrders') AS j ON CAST(j.[key] AS INT) = s.i
  WHERE x.is_new = 1 AND x.is_stored = 0;
  INSERT INTO order_state_words (state_seq, word, in_name)
  SELECT s.seq, w.word, w.in_name
  FROM OPENJSON(@batch, '$.words') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
  JOIN @orders AS x ON x.i = w.i
  JOIN order_states AS s ON s.order_id = x.order_id
  WHERE x.is_new = 1 AND x.is_stored = 0;

  IF EXISTS (SELECT 1 FROM @orders AS x WHERE x.place IS NOT NULL)
  BEGIN
    BEGIN TRY
      SET IDENTITY_INSERT orders ON;
${insertOrders('place')}      SET IDENTITY_INSERT orders OFF;
    END TRY
    BEGIN CATCH
      SET IDENTITY_INSERT orders OFF;
      THROW;
    END CATCH;
  END;
${insertOrders('end')}  UPDATE x
  SET seq = x.place
  FROM @orders AS x;
  UPDATE x
  SET seq = k.seq
  FROM @orders AS x
  JOIN @stored AS k ON k.order_id = x.order_id;
${INSERT_ITEMS_AND_WORDS}
  DELETE t
  FROM archived_orders AS t WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = t.order_id
  WHERE x.is_new = 1;
  DELETE t
  FROM archived_changes AS t WITH (FORCESEEK)
  JOIN @orders AS x ON x.order_id = t.order_id
  WHERE x.is_new = 1;

  INSERT INTO order_history (order_id, happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason)
  SELECT x.order_id, h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code, h.cause_detail /* text */,
    h.reason /* text */
  FROM OPENJSON(@batch, '$.history') WITH (
    n INT '$.n', i INT '$.i', happened_at DATETIME2(3) '$.at', kind VARCHAR(20) '$.kind', attempt BIGINT '$.attempt',
    next_attempt_at DATETIME2(3) '$.nextAttemptAt', cause_code NVARCHAR(200) '$.causeCode',
    cause_detail NVARCHAR(MAX) '$.causeDetail', reason NVARCHAR(MAX) '$.reason', change_id UNIQUEIDENTIFIER '$.changeId'
  ) AS h
  JOIN @orders AS x ON x.i = h.i
  WHERE x.is_new = 1 AND h.change_id IS NULL
  ORDER BY h.n;
  INSERT INTO order_change_history (
    order_id, change_id, happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, version
  )
  SELECT x.order_id, h.change_id, h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code,
    h.cause_detail /* text */, h.reason /* text */, h.version
  FROM OPENJSON(@batch, '$.history') WITH (
    n INT '$.n', i INT '$.i', happened_at DATETIME2(3) '$.at', kind VARCHAR(20) '$.kind', attempt BIGINT '$.attempt',
    next_attempt_at DATETIME2(3) '$.nextAttemptAt', cause_code NVARCHAR(200) '$.causeCode',
    cause_detail NVARCHAR(MAX) '$.causeDetail', reason NVARCHAR(MAX) '$.reason', change_id UNIQUEIDENTIFIER '$.changeId',
    version INT '$.version'
  ) AS h
  JOIN @orders AS x ON x.i = h.i
  WHERE x.is_new = 1 AND h.change_id IS NOT NULL
  ORDER BY h.n;
${auditOnce('restore-archive')}
END;
IF @preview = 1
  ROLLBACK TRANSACTION;
ELSE
  COMMIT TRANSACTION;
SELECT x.order_id FROM @orders AS x WHERE x.is_new = 1 AND x.is_key_taken = 0 AND x.is_older = 0;
SELECT x.order_id FROM @orders AS x WHERE x.is_key_taken = 1;
SELECT x.order_id, t.archive_file
FROM @orders AS x
JOIN archived_orders AS t ON t.order_id = x.order_id
WHERE x.is_older = 1;
SELECT @is_rebuilding AS is_rebuilding, @is_reindexing AS is_reindexing;
`
