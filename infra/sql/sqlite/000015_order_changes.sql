-- Amendments and cancellations of orders, and their effects on the orders.
--
-- The changes of an order are decided in the order of `seq`, which follows the log. If a copy or a dead letter of a change
-- arrives before the ledger has counted its origin, the change is `early`: it has no turn until the batch of the origin
-- assigns its final seq.
CREATE TABLE order_changes (
  seq INTEGER PRIMARY KEY,
  change_id BLOB NOT NULL UNIQUE CHECK (length(change_id) = 16),
  order_id BLOB NOT NULL CHECK (length(order_id) = 16),
  kind TEXT NOT NULL CHECK (kind IN ('amend', 'cancel')),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'retrying', 'applied', 'rejected', 'dead-lettered', 'discarded')),
  early INTEGER NOT NULL CHECK (early IN (0, 1)),
  -- The change as JSON, and the hash of its event; null while it cannot be read.
  event TEXT,
  body_hash BLOB CHECK (length(body_hash) = 32),
  idempotency_key_hash BLOB CHECK (length(idempotency_key_hash) = 32),
  -- The change's own record, or the redrive that was stored or failed last.
  origin_topic TEXT NOT NULL,
  origin_partition INTEGER NOT NULL CHECK (origin_partition >= 0),
  origin_offset INTEGER NOT NULL CHECK (origin_offset >= 0),
  accepted_at INTEGER,
  updated_at INTEGER NOT NULL,
  -- The version of the order that an applied change made.
  version INTEGER CHECK (version > 1),
  cause_code TEXT,
  cause_detail TEXT,
  attempt INTEGER NOT NULL,
  next_attempt_at INTEGER,
  CHECK ((state = 'applied') = (version IS NOT NULL)),
  CHECK (event IS NOT NULL OR state IN ('retrying', 'dead-lettered', 'discarded'))
) STRICT;

-- Keeps key hashes unique; serves findChangeByIdempotencyKey.
CREATE UNIQUE INDEX order_changes_by_idempotency_key ON order_changes (idempotency_key_hash)
WHERE idempotency_key_hash IS NOT NULL;
-- Serves the list of an order's changes; the entries of one order are in the order of seq.
CREATE INDEX order_changes_by_order ON order_changes (order_id);
-- Serves decisions, and the views that show what a change waits for.
CREATE INDEX order_changes_undecided ON order_changes (order_id)
WHERE state IN ('waiting', 'retrying', 'dead-lettered');
-- Serves the check whether any change waits, and the ledger's figure.
CREATE INDEX order_changes_waiting ON order_changes (state) WHERE state = 'waiting';
-- Serves a rebuild, which applies an order's changes again and finds the orders that changed while it ran, and the check
-- whether a later change was applied.
CREATE INDEX order_changes_applied ON order_changes (order_id, version) WHERE state = 'applied';

-- The history of changes, as order_history is that of orders.
CREATE TABLE order_change_history (
  entry INTEGER PRIMARY KEY,
  order_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN (
    'attempt-failed', 'dead-lettered', 'redriven', 'discarded', 'restored',
    'change-waits', 'amended', 'cancelled', 'change-rejected')),
  attempt INTEGER,
  next_attempt_at INTEGER,
  cause_code TEXT,
  cause_detail TEXT,
  reason TEXT,
  version INTEGER
) STRICT;

-- Serves history.
CREATE INDEX order_change_history_by_order ON order_change_history (order_id);

ALTER TABLE orders ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1);
ALTER TABLE orders ADD COLUMN cancelled_at INTEGER;
ALTER TABLE orders ADD COLUMN cancellation_reason TEXT CHECK (length(cancellation_reason) BETWEEN 1 AND 200);

-- Serve the list of cancelled orders, as orders_by_customer and orders_by_currency serve the list of all orders.
CREATE INDEX orders_cancelled_by_customer ON orders (customer_id, currency, payment_method)
WHERE cancelled_at IS NOT NULL;
CREATE INDEX orders_cancelled_by_currency ON orders (currency, payment_method) WHERE cancelled_at IS NOT NULL;

-- The change in the letter's record; null for every other record.
ALTER TABLE dead_letters ADD COLUMN change_id BLOB;
ALTER TABLE dead_letters ADD COLUMN change_kind TEXT CHECK (change_kind IN ('amend', 'cancel'));
