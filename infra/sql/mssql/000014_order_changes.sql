-- Amendments and cancellations of orders, and their effects on the orders.
--
-- The changes of an order are decided in the order of `turn`, which follows the log. If a copy or a dead letter of a change
-- arrives before the ledger has counted its origin, `turn` is null until the batch of the origin assigns it.
CREATE TABLE order_changes (
  change_seq BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT order_changes_pk PRIMARY KEY CLUSTERED,
  change_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT order_changes_change_id UNIQUE NONCLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL,
  turn BIGINT NULL,
  kind VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (kind IN ('amend', 'cancel')),
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (state IN ('waiting', 'retrying', 'applied', 'rejected', 'dead-lettered', 'discarded')),
  -- The change as JSON, and the hash of its event; null while it cannot be read.
  event NVARCHAR(MAX) NULL,
  body_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  idempotency_key_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  -- The change's own record, or the redrive that was stored or failed last.
  origin_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  origin_partition INT NOT NULL,
  origin_offset BIGINT NOT NULL,
  accepted_at DATETIME2(3) NULL,
  updated_at DATETIME2(3) NOT NULL,
  -- The version of the order that an applied change made.
  version INT NULL CHECK (version > 1),
  cause_code NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NULL,
  cause_detail NVARCHAR(MAX) NULL,
  attempt BIGINT NOT NULL,
  next_attempt_at DATETIME2(3) NULL,
  -- Whether the history says that it waits.
  waits_told BIT NOT NULL
);
GO

-- Keeps key hashes unique; serves findChangeByIdempotencyKey.
CREATE UNIQUE INDEX order_changes_by_idempotency_key ON order_changes (idempotency_key_hash)
  WHERE idempotency_key_hash IS NOT NULL;
-- Keeps turns unique when two instances record changes of one order; serves the next turn of an order.
CREATE UNIQUE INDEX order_changes_by_turn ON order_changes (order_id, turn) WHERE turn IS NOT NULL;
-- Serves the list of an order's changes.
CREATE INDEX order_changes_by_order ON order_changes (order_id) INCLUDE (turn);
-- Serves decisions, and the views that show what a change waits for.
CREATE INDEX order_changes_undecided ON order_changes (order_id, turn) INCLUDE (state)
  WHERE state IN ('waiting', 'retrying', 'dead-lettered');
-- Every batch looks here for changes that wait for its orders. Nearly always the index is empty.
CREATE INDEX order_changes_waiting ON order_changes (order_id) INCLUDE (turn) WHERE state = 'waiting';
-- Serves a rebuild, and the check whether a later change was applied.
CREATE INDEX order_changes_applied ON order_changes (order_id, version) INCLUDE (turn) WHERE state = 'applied';
GO

-- Discarding an order rejects all changes that wait for it in one statement (migration 9 says more).
IF SERVERPROPERTY('Babelfish') IS NULL
  EXEC('ALTER TABLE order_changes SET (LOCK_ESCALATION = DISABLE);');
GO

-- The history of changes, as order_history is that of orders.
CREATE TABLE order_change_history (
  entry BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT order_change_history_pk PRIMARY KEY CLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL,
  change_id UNIQUEIDENTIFIER NOT NULL,
  happened_at DATETIME2(3) NOT NULL,
  kind VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (kind IN (
      'attempt-failed', 'dead-lettered', 'redriven', 'discarded', 'restored', 'change-waits', 'amended', 'cancelled',
      'change-rejected'
    )),
  attempt BIGINT NULL,
  next_attempt_at DATETIME2(3) NULL,
  cause_code NVARCHAR(200) NULL,
  cause_detail NVARCHAR(MAX) NULL,
  reason NVARCHAR(MAX) NULL,
  version INT NULL
);
GO

-- Serves history; the entries of one order lie in the order of writing.
CREATE INDEX order_change_history_by_order ON order_change_history (order_id);
GO

ALTER TABLE orders ADD version INT NOT NULL CONSTRAINT orders_version_default DEFAULT 1 CHECK (version >= 1);
GO
ALTER TABLE orders ADD cancelled_at DATETIME2(3) NULL;
GO
ALTER TABLE orders ADD cancellation_reason NVARCHAR(400) NULL CHECK (DATALENGTH(cancellation_reason) > 0);
GO

-- Serve the list of cancelled orders: of all, of one customer, and value by value of each currency and payment method.
CREATE INDEX orders_cancelled ON orders (seq) INCLUDE (accepted_at) WHERE cancelled_at IS NOT NULL;
CREATE INDEX orders_cancelled_by_customer ON orders (customer_id) INCLUDE (currency, payment_method, accepted_at)
  WHERE cancelled_at IS NOT NULL;
CREATE INDEX orders_cancelled_by_currency ON orders (currency, payment_method) INCLUDE (accepted_at)
  WHERE cancelled_at IS NOT NULL;
-- Serves the end of a rebuild, which skips orders that changed while it ran.
CREATE INDEX orders_changed ON orders (version) WHERE version > 1;
GO

ALTER TABLE rebuilt_orders ADD version INT NOT NULL CONSTRAINT rebuilt_orders_version_default DEFAULT 1;
GO

-- The change in the letter's record; null for every other record.
ALTER TABLE dead_letters ADD change_id UNIQUEIDENTIFIER NULL;
GO
ALTER TABLE dead_letters ADD change_kind VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
  CHECK (change_kind IN ('amend', 'cancel'));
GO
