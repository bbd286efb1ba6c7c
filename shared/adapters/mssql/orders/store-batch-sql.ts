import { lockStored, lockTombstones } from '../database/locks.ts'
import {
  DECLARE_CHANGES,
  LOOK_AFTER_CHANGES,
  LOOK_AFTER_ORDERS,
  RECORD_CHANGES,
  TELL_CHANGES,
} from '../changes/order-changes-sql.ts'
import { COUNT_PARKED_CHANGES, PARK_CHANGES, SETTLE_CHANGES } from '../changes/parked-changes-sql.ts'
import { COUNT, COUNT_WITH_CHANGES, DECLARE_LEDGER, LOCK_LEDGER } from '../ledger/ledger-counting-sql.ts'
import { isLetterOf, ORIGIN_TOPIC } from '../dead-letters/letter-topic.ts'
import { DECLARE_PARKED, PARK } from '../dead-letters/parked-records-sql.ts'
import {
  DECLARE_FORGOTTEN,
  FORGET_STORED_CHANGES,
  lookForForgotten,
  OF_CHANGES,
} from '../forgetting/forgotten-customers-sql.ts'
import { COUNT_WITHHELD, isReplaced, PARK_WITHHELD, WITHHOLD } from './decisions-sql.ts'

/** The items of the orders in `@batch`, one row each; `i` is the index of the order. */
export const ITEMS_OF_BATCH = `OPENJSON(@batch, '$.items') WITH (
  i INT '$.i',
  line INT '$.line',
  item_code NVARCHAR(4000) '$.itemCode',
  brand NVARCHAR(4000) '$.brand',
  type NVARCHAR(4000) '$.type',
  size NVARCHAR(4000) '$.size',
  colour NVARCHAR(4000) '$.colour',
  quantity INT '$.quantity',
  price DECIMAL(19, 4) '$.price',
  currency VARCHAR(20) '$.currency'
)`

/** Writes the items and words of the orders in @orders that have a seq. */
export const INSERT_ITEMS_AND_WORDS = `
INSERT INTO order_items (order_seq, line, item_code, brand, type, size, colour, quantity, price, currency)
SELECT o.seq, x.line, x.item_code /* text */, x.brand /* text */, x.type /* text */, x.size /* text */,
  x.colour /* text */, x.quantity, x.price, x.currency
FROM ${ITEMS_OF_BATCH} AS x
JOIN @orders AS o ON o.i = x.i
WHERE o.seq IS NOT NULL;

INSERT INTO order_words (word, order_seq, in_name)
SELECT w.word, o.seq, w.in_name
FROM OPENJSON(@batch, '$.words') WITH (i INT '$[0]', word NVARCHAR(4000) '$[1]', in_name BIT '$[2]') AS w
JOIN @orders AS o ON o.i = w.i
WHERE o.seq IS NOT NULL;
`

/**
 * Stores a batch in one round trip and one transaction. The input is the JSON parameter @batch (store-batch-json.ts),
 * and the result is the outcome of each order. With XACT_ABORT, any error rolls the transaction back and ends the
 * statement.
 */
const BEGIN = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @group NVARCHAR(200), @now DATETIME2(3), @preview BIT, @was_parked BIT, @has_redrives BIT;
SELECT @group = b.group_id, @now = b.now, @preview = b.preview
FROM OPENJSON(@batch) WITH (group_id NVARCHAR(200) '$.groupId', now DATETIME2(3) '$.now', preview BIT '$.preview') AS b;
`

/** The orders, as toStoreBatchJson (store-batch-json.ts) writes them. */
export const DECLARE_ORDERS = `
DECLARE @orders TABLE (
  i INT NOT NULL PRIMARY KEY,
  round INT NOT NULL,
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  order_id UNIQUEIDENTIFIER NOT NULL,
  customer_id BIGINT NOT NULL,
  customer_name NVARCHAR(4000) NOT NULL,
  customer_last_name NVARCHAR(4000) NOT NULL,
  customer_email NVARCHAR(4000) NOT NULL,
  shipping_address NVARCHAR(4000) NOT NULL,
  billing_address NVARCHAR(4000) NOT NULL,
  currency VARCHAR(20) NOT NULL,
  total_price DECIMAL(19, 4) NOT NULL,
  payment_method VARCHAR(40) NOT NULL,
  reference NVARCHAR(4000) NULL,
  metadata NVARCHAR(MAX) NULL,
  forgotten BIT NULL,
  accepted_at DATETIME2(3) NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  body_hash VARCHAR(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
  idempotency_key_hash VARCHAR(100) COLLATE Latin1_General_100_BIN2 NULL,
  letter_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NULL,
  letter_partition INT NULL,
  letter_offset BIGINT NULL,
  edited_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NULL,
  edited_partition INT NULL,
  edited_offset BIGINT NULL,
  is_redrive BIT NOT NULL,
  seq BIGINT NULL,
  outcome VARCHAR(30) COLLATE Latin1_General_100_BIN2 NULL,
  decided VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
);
DECLARE @stored TABLE (seq BIGINT NOT NULL PRIMARY KEY, order_id UNIQUEIDENTIFIER NOT NULL UNIQUE);
INSERT INTO @orders (
  i, round, group_id, order_id, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address,
  currency, total_price, payment_method, reference, metadata, forgotten, accepted_at, topic, log_partition, log_offset,
  body_hash, idempotency_key_hash,
  letter_topic, letter_partition, letter_offset, edited_topic, edited_partition, edited_offset, is_redrive
)
SELECT o.i, o.round, @group, o.order_id, o.customer_id, o.customer_name /* text */, o.customer_last_name /* text */,
  o.customer_email /* text */, o.shipping_address /* text */, o.billing_address /* text */, o.currency, o.total_price, o.payment_method,
  o.reference /* text */, o.metadata /* text */, o.forgotten, o.accepted_at, o.topic,
  o.log_partition, o.log_offset, o.body_hash, o.idempotency_key_hash, o.letter_topic, o.letter_partition,
  o.letter_offset, o.edited_topic, o.edited_partition, o.edited_offset, 0
FROM OPENJSON(@batch, '$.orders') WITH (
  i INT '$.i',
  round INT '$.round',
  order_id UNIQUEIDENTIFIER '$.orderId',
  customer_id BIGINT '$.customerId',
  customer_name NVARCHAR(4000) '$.customerName',
  customer_last_name NVARCHAR(4000) '$.customerLastName',
  customer_email NVARCHAR(4000) '$.customerEmail',
  shipping_address NVARCHAR(4000) '$.shippingAddress',
  billing_address NVARCHAR(4000) '$.billingAddress',
  currency VARCHAR(20) '$.currency',
  total_price DECIMAL(19, 4) '$.totalPrice',
  payment_method VARCHAR(40) '$.paymentMethod',
  reference NVARCHAR(4000) '$.reference',
  metadata NVARCHAR(MAX) '$.metadata',
  forgotten BIT '$.forgotten',
  accepted_at DATETIME2(3) '$.acceptedAt',
  topic NVARCHAR(4000) '$.topic',
  log_partition INT '$.partition',
  log_offset BIGINT '$.offset',
  body_hash VARCHAR(100) '$.bodyHash',
  idempotency_key_hash VARCHAR(100) '$.keyHash',
  letter_topic NVARCHAR(4000) '$.letter.topic',
  letter_partition INT '$.letter.partition',
  letter_offset BIGINT '$.letter.offset',
  edited_topic NVARCHAR(4000) '$.edited.topic',
  edited_partition INT '$.edited.partition',
  edited_offset BIGINT '$.edited.offset'
) AS o;
DECLARE @order_round INT = 0;
DECLARE @order_rounds INT = (SELECT COUNT(DISTINCT o.round) FROM @orders AS o);
`

/**
 * For the orders in one round, locks the rows of those that are stored, and then the tombstones of those that are
 * archived, in the sequence that ARCHIVE_ORDERS and RESTORE_ORDERS use. The locks keep each of these orders in its
 * table while the next statements run. Without the locks, an order could be archived between two reads, and a late copy
 * from a partition other than the order's could be stored again. With row versions (READ_COMMITTED_SNAPSHOT), two reads
 * can see the data at different moments only if they are in different statements. Without row versions, even two reads
 * in one statement can. If an order is restored between the two locks, the reads after them find it. Most batches find
 * no row to lock.
 */
const LOCK_KNOWN = `${lockStored('@orders', '@order_round')}${lockTombstones('@orders', '@order_round')}
`

/**
 * Inserts orders that are in neither `orders` nor `archived_orders` when the statement begins. Such an order was never
 * archived, because archiving moves an order from one table to the other in one transaction. The outcome of every other
 * order depends on its existing row, which may be from an earlier round.
 */
const STORE = `
WHILE @order_round < @order_rounds
BEGIN
  DELETE FROM @stored;

  -- A redrive counts if its letter belongs to this order or names no order.
  UPDATE o
  SET is_redrive = 1
  FROM @orders AS o
  JOIN dead_letters AS d ON d.topic = o.letter_topic AND d.log_partition = o.letter_partition
    AND d.log_offset = o.letter_offset
  WHERE o.round = @order_round AND (d.order_id IS NULL OR d.order_id = o.order_id);
${WITHHOLD}${LOCK_KNOWN}
  INSERT INTO orders (
    order_id, customer_id, customer_name, customer_last_name, customer_email, shipping_address, billing_address, currency,
    total_price, payment_method, accepted_at, stored_at, origin_topic, origin_partition, origin_offset, body_hash,
    idempotency_key_hash, recovered, reference, metadata, forgotten
  )
  OUTPUT inserted.seq, inserted.order_id INTO @stored (seq, order_id)
  SELECT o.order_id, o.customer_id, o.customer_name, o.customer_last_name, o.customer_email, o.shipping_address,
    o.billing_address, o.currency, o.total_price, o.payment_method, o.accepted_at, @now, o.topic, o.log_partition,
    o.log_offset, o.body_hash, o.idempotency_key_hash, o.is_redrive, o.reference, o.metadata, o.forgotten
  FROM @orders AS o
  WHERE o.round = @order_round AND o.outcome IS NULL
    AND NOT EXISTS (SELECT 1 FROM orders AS k WHERE k.order_id = o.order_id)
    AND NOT EXISTS (SELECT 1 FROM archived_orders AS t WHERE t.order_id = o.order_id)
    AND (o.idempotency_key_hash IS NULL OR (
      NOT EXISTS (SELECT 1 FROM orders AS k WHERE k.idempotency_key_hash = o.idempotency_key_hash)
      AND NOT EXISTS (SELECT 1 FROM archived_orders AS t WHERE t.idempotency_key_hash = o.idempotency_key_hash)
    ))
  ORDER BY o.i;

  UPDATE o
  SET outcome = 'stored', seq = s.seq
  FROM @orders AS o
  JOIN @stored AS s ON s.order_id = o.order_id
  WHERE o.round = @order_round;

  -- Stored is final. An edit that arrives too late changes nothing and does not count as reuse of the id. The same
  -- holds for the record of a dead letter, or a redrive of it, if the edit of that letter was stored before.
  UPDATE o
  SET outcome = CASE
      WHEN k.seq IS NULL AND t.order_id IS NULL THEN 'idempotency-key-reused'
      WHEN k.seq IS NULL AND t.body_hash IS NULL THEN 'withheld'
      WHEN k.origin_topic = o.topic AND k.origin_partition = o.log_partition AND k.origin_offset = o.log_offset
        THEN 'stored'
      WHEN t.origin_topic = o.topic AND t.origin_partition = o.log_partition AND t.origin_offset = o.log_offset
        THEN 'stored'
      WHEN k.body_hash = o.body_hash OR t.body_hash = o.body_hash THEN 'duplicate'
      WHEN d.kept_seq IS NOT NULL THEN 'duplicate'
      WHEN r.state IS NOT NULL THEN 'duplicate'
      WHEN o.is_redrive = 1 AND l.state IS NOT NULL THEN 'duplicate'
      WHEN ${isReplaced('e')} THEN 'duplicate'
      WHEN o.is_redrive = 1 AND ${isReplaced('f')} THEN 'duplicate'
      ELSE 'order-id-reused'
    END,
    decided = CASE
      WHEN k.seq IS NULL AND t.order_id IS NOT NULL AND t.body_hash IS NULL THEN 'discarded'
      ELSE o.decided
    END
  FROM @orders AS o
  LEFT JOIN orders AS k ON k.order_id = o.order_id
  LEFT JOIN archived_orders AS t ON t.order_id = o.order_id
  LEFT JOIN dead_letters AS d ON d.topic = o.edited_topic AND d.log_partition = o.edited_partition
    AND d.log_offset = o.edited_offset AND (d.order_id IS NULL OR d.order_id = o.order_id)
  LEFT JOIN parked_records AS r ON r.group_id = @group AND r.topic = o.topic AND r.log_partition = o.log_partition
    AND r.log_offset = o.log_offset AND r.state = 'redriven'
  LEFT JOIN parked_records AS l ON l.group_id = @group AND l.topic = ${ORIGIN_TOPIC('o.letter_topic')}
    AND l.log_partition = o.letter_partition AND l.log_offset = o.letter_offset AND l.state = 'redriven'
  LEFT JOIN dead_letters AS e ON ${isLetterOf('e', 'o')}
  LEFT JOIN dead_letters AS f ON f.topic = o.letter_topic AND f.log_partition = o.letter_partition
    AND f.log_offset = o.letter_offset
  WHERE o.round = @order_round AND o.outcome IS NULL;

  -- The words are deleted with their state.
  DELETE s
  FROM order_states AS s WITH (FORCESEEK)
  JOIN @orders AS o ON o.order_id = s.order_id
  WHERE o.round = @order_round AND o.outcome IN ('stored', 'duplicate');

  -- A parked origin is settled. Its dead letter, and the one that it redrives, are resolved. Most batches have neither
  -- and change no row of these tables.
  SET @was_parked = 0;
  IF EXISTS (
    SELECT 1
    FROM @orders AS o
    JOIN parked_records AS r ON r.group_id = o.group_id AND r.topic = o.topic AND r.log_partition = o.log_partition
      AND r.log_offset = o.log_offset
    WHERE o.round = @order_round AND o.outcome IN ('stored', 'duplicate') AND r.state IN ('retrying', 'dead')
  )
    SET @was_parked = 1;
  SET @has_redrives = 0;
  IF EXISTS (SELECT 1 FROM @orders AS o WHERE o.round = @order_round AND o.is_redrive = 1)
    SET @has_redrives = 1;

  IF @was_parked = 1
    UPDATE d
    SET state = 'resolved', settled_at = @now
    FROM dead_letters AS d
    JOIN @orders AS o ON ${isLetterOf('d', 'o')} AND d.foreign_failure IS NULL
    JOIN parked_records AS r ON r.group_id = o.group_id AND r.topic = o.topic AND r.log_partition = o.log_partition
      AND r.log_offset = o.log_offset
    WHERE o.round = @order_round AND o.outcome IN ('stored', 'duplicate')
      AND r.state IN ('retrying', 'dead') AND d.state NOT IN ('resolved', 'discarded');

  -- A withheld redrive also resolves another consumer's letter, because that consumer has received the record
  -- again; nothing changes here.
  IF @has_redrives = 1
    UPDATE d
    SET state = 'resolved', settled_at = @now
    FROM dead_letters AS d
    JOIN @orders AS o ON d.topic = o.letter_topic AND d.log_partition = o.letter_partition
      AND d.log_offset = o.letter_offset
    WHERE o.round = @order_round AND o.is_redrive = 1
      AND (o.outcome IN ('stored', 'duplicate') OR (o.outcome = 'withheld' AND d.foreign_failure IS NOT NULL))
      AND d.state NOT IN ('resolved', 'discarded');

  IF @was_parked = 1
    UPDATE r
    SET state = o.outcome, updated_at = @now
    FROM parked_records AS r WITH (FORCESEEK)
    JOIN @orders AS o ON r.group_id = o.group_id AND r.topic = o.topic AND r.log_partition = o.log_partition
      AND r.log_offset = o.log_offset
    WHERE o.round = @order_round AND o.outcome IN ('stored', 'duplicate') AND r.state IN ('retrying', 'dead');

  IF @has_redrives = 1
    UPDATE r
    SET state = 'redriven', updated_at = @now
    FROM parked_records AS r WITH (FORCESEEK)
    JOIN @orders AS o ON r.group_id = o.group_id AND r.topic = ${ORIGIN_TOPIC('o.letter_topic')}
      AND r.log_partition = o.letter_partition AND r.log_offset = o.letter_offset
    WHERE o.round = @order_round AND o.outcome IN ('stored', 'duplicate') AND o.is_redrive = 1
      AND r.state IN ('retrying', 'dead');
${PARK_WITHHELD}
  SET @order_round += 1;
END;
${INSERT_ITEMS_AND_WORDS}`

/**
 * If any order is rejected, nothing is counted or parked. The caller parks that order and calls again. The second
 * result lists the orders that have a waiting change, and is absent if there are none. If the batch contains personal
 * data of forgotten customers, nothing is stored, and the only result lists their orders (forgotten-customers-sql.ts).
 */
export const STORE_BATCH = `${BEGIN}${DECLARE_ORDERS}${DECLARE_PARKED}${DECLARE_LEDGER}${DECLARE_FORGOTTEN}
BEGIN TRANSACTION;
${LOCK_LEDGER}${lookForForgotten()}${FORGET_STORED_CHANGES}${STORE}
IF NOT EXISTS (SELECT 1 FROM @orders AS o WHERE o.outcome NOT IN ('stored', 'duplicate', 'withheld'))
BEGIN
${COUNT}${COUNT_WITHHELD}${PARK}
END;
IF @preview = 1
  ROLLBACK TRANSACTION;
ELSE
  COMMIT TRANSACTION;
SELECT o.i, o.outcome FROM @orders AS o ORDER BY o.i;
${LOOK_AFTER_ORDERS}`

/**
 * Does the same as STORE_BATCH for a batch that contains changes or failed changes. Changes and failures are recorded
 * even if something is rejected, so that no change overtakes a parked one. The second result lists the outcomes of the
 * changes, and the third lists the orders that have a waiting change.
 */
export const STORE_BATCH_WITH_CHANGES = `${BEGIN}${DECLARE_ORDERS}${DECLARE_PARKED}${DECLARE_LEDGER}${DECLARE_CHANGES}${DECLARE_FORGOTTEN}
BEGIN TRANSACTION;
${LOCK_LEDGER}${lookForForgotten(OF_CHANGES)}${RECORD_CHANGES}${FORGET_STORED_CHANGES}${STORE}${SETTLE_CHANGES}
IF NOT EXISTS (SELECT 1 FROM @orders AS o WHERE o.outcome NOT IN ('stored', 'duplicate', 'withheld'))
  AND NOT EXISTS (SELECT 1 FROM @changes AS c WHERE c.i IS NOT NULL AND c.outcome = 'order-id-reused')
BEGIN
${COUNT_WITH_CHANGES}${COUNT_WITHHELD}${PARK}${PARK_CHANGES}${COUNT_PARKED_CHANGES}
END;
${TELL_CHANGES}
COMMIT TRANSACTION;
SELECT o.i, o.outcome FROM @orders AS o ORDER BY o.i;
SELECT c.i, c.outcome FROM @changes AS c WHERE c.i IS NOT NULL ORDER BY c.i;
${LOOK_AFTER_CHANGES}`
