-- Orders that are in the files of an archive and no longer here. Their ids, positions and hashes stay, so that no id and
-- no Idempotency-Key is used again and a record that is delivered late is recognised.
CREATE TABLE archived_orders (
  order_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT archived_orders_pk PRIMARY KEY CLUSTERED,
  -- A discarded order has neither origin nor hashes.
  origin_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NULL,
  origin_partition INT NULL,
  origin_offset BIGINT NULL,
  body_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  idempotency_key_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  accepted_at DATETIME2(3) NOT NULL,
  archived_at DATETIME2(3) NOT NULL,
  -- The name of the file that has it.
  archive_file NVARCHAR(100) NOT NULL
);
GO

-- Keeps key hashes unique; serves findByIdempotencyKey and the storing of orders that have a key.
CREATE UNIQUE INDEX archived_orders_by_idempotency_key ON archived_orders (idempotency_key_hash)
  WHERE idempotency_key_hash IS NOT NULL;
GO

CREATE TABLE archived_changes (
  change_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT archived_changes_pk PRIMARY KEY CLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (state IN ('applied', 'rejected', 'discarded')),
  origin_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  origin_partition INT NOT NULL,
  origin_offset BIGINT NOT NULL,
  body_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  idempotency_key_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
  accepted_at DATETIME2(3) NULL
);
GO

-- Keeps key hashes unique; serves findChangeByIdempotencyKey.
CREATE UNIQUE INDEX archived_changes_by_idempotency_key ON archived_changes (idempotency_key_hash)
  WHERE idempotency_key_hash IS NOT NULL;
-- Serves restoring.
CREATE INDEX archived_changes_by_order ON archived_changes (order_id);
GO

-- Until when (milliseconds since 1970) no rebuild begins, because orders are being archived or restored. Both lock the one
-- row, which is always there, so that neither overlooks the other.
CREATE TABLE archiving (
  only_row INT NOT NULL CONSTRAINT archiving_pk PRIMARY KEY CLUSTERED CHECK (only_row = 1),
  leased_until BIGINT NOT NULL
);
GO

INSERT INTO archiving (only_row, leased_until) VALUES (1, 0);
GO
