-- Orders that are in the files of an archive and no longer here. Their ids, positions and hashes stay, so that no id and
-- no Idempotency-Key is used again and a record that is delivered late is recognised.
CREATE TABLE archived_orders (
  order_id BLOB PRIMARY KEY CHECK (length(order_id) = 16),
  -- Its position in `orders`, which restoring gives back. A discarded order has neither position nor origin nor hashes.
  seq INTEGER,
  origin_topic TEXT,
  origin_partition INTEGER,
  origin_offset INTEGER,
  body_hash BLOB CHECK (length(body_hash) = 32),
  idempotency_key_hash BLOB CHECK (length(idempotency_key_hash) = 32),
  accepted_at INTEGER NOT NULL,
  archived_at INTEGER NOT NULL,
  -- The name of the file that has it.
  file TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keeps key hashes unique; serves findByIdempotencyKey and the storing of orders that have a key.
CREATE UNIQUE INDEX archived_orders_by_idempotency_key ON archived_orders (idempotency_key_hash)
WHERE idempotency_key_hash IS NOT NULL;

CREATE TABLE archived_changes (
  change_id BLOB PRIMARY KEY CHECK (length(change_id) = 16),
  order_id BLOB NOT NULL CHECK (length(order_id) = 16),
  state TEXT NOT NULL CHECK (state IN ('applied', 'rejected', 'discarded')),
  origin_topic TEXT NOT NULL,
  origin_partition INTEGER NOT NULL,
  origin_offset INTEGER NOT NULL,
  body_hash BLOB CHECK (length(body_hash) = 32),
  idempotency_key_hash BLOB CHECK (length(idempotency_key_hash) = 32),
  accepted_at INTEGER
) STRICT, WITHOUT ROWID;

-- Keeps key hashes unique; serves findChangeByIdempotencyKey.
CREATE UNIQUE INDEX archived_changes_by_idempotency_key ON archived_changes (idempotency_key_hash)
WHERE idempotency_key_hash IS NOT NULL;
-- Serves restoring.
CREATE INDEX archived_changes_by_order ON archived_changes (order_id);

-- Until when no rebuild begins, because orders are being archived or restored.
CREATE TABLE archiving (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  leased_until INTEGER NOT NULL
) STRICT;
