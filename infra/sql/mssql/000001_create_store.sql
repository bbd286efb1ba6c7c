-- The store: orders as they were stored, what became of those that are not, dead letters, the ledger.
--
-- SQL Server 2019 or later, Azure SQL Database. GO separates batches; each migration is one transaction.
-- Times are UTC. Texts hold up to twice as many UTF-16 units as the domain allows code points. What is compared as a
-- name (topics, codes, states) is compared byte by byte. Every index names the query that it serves.

-- `seq` is the order of storing: rows only ever append, and lists page by it.
CREATE TABLE orders (
  seq BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT orders_pk PRIMARY KEY CLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT orders_order_id UNIQUE NONCLUSTERED,
  customer_id BIGINT NOT NULL CHECK (customer_id BETWEEN 1 AND 9007199254740991),
  -- DATALENGTH, because LEN does not see spaces at the end.
  customer_name NVARCHAR(200) NOT NULL CHECK (DATALENGTH(customer_name) > 0),
  customer_last_name NVARCHAR(200) NOT NULL CHECK (DATALENGTH(customer_last_name) > 0),
  customer_email NVARCHAR(200) NOT NULL,
  shipping_address NVARCHAR(400) NOT NULL CHECK (DATALENGTH(shipping_address) > 0),
  billing_address NVARCHAR(400) NOT NULL CHECK (DATALENGTH(billing_address) > 0),
  currency CHAR(3) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (currency IN ('EUR', 'USD', 'GBP')),
  total_price DECIMAL(19, 4) NOT NULL CHECK (total_price BETWEEN 0 AND 9999999999.9999),
  payment_method VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (payment_method IN ('PayPal', 'Invoice', 'OnlineBankTransfer', 'CreditCard', 'DirectDebit')),
  accepted_at DATETIME2(3) NOT NULL,
  stored_at DATETIME2(3) NOT NULL,
  origin_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  origin_partition INT NOT NULL CHECK (origin_partition >= 0),
  origin_offset BIGINT NOT NULL CHECK (origin_offset >= 0),
  -- SHA-256 in hex.
  body_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (LEN(body_hash) = 64),
  idempotency_key_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL CHECK (LEN(idempotency_key_hash) = 64),
  recovered BIT NOT NULL
);
GO

-- Keeps key hashes unique; serves findByIdempotencyKey.
CREATE UNIQUE INDEX orders_by_idempotency_key ON orders (idempotency_key_hash)
  WHERE idempotency_key_hash IS NOT NULL;
-- Serves the list of one customer. Every index ends with seq, the clustered key, in whose order its entries lie.
CREATE INDEX orders_by_customer ON orders (customer_id) INCLUDE (currency, payment_method, accepted_at);
-- Serves the list by currency, payment method or both: value by value, for each value has its entries in the order of seq.
CREATE INDEX orders_by_currency ON orders (currency, payment_method) INCLUDE (accepted_at);
-- Serves the list between two times.
CREATE INDEX orders_by_acceptance ON orders (accepted_at);
GO

CREATE TABLE order_items (
  order_seq BIGINT NOT NULL REFERENCES orders (seq),
  line INT NOT NULL CHECK (line BETWEEN 0 AND 499),
  item_code NVARCHAR(200) NOT NULL CHECK (DATALENGTH(item_code) > 0),
  brand NVARCHAR(200) NOT NULL CHECK (DATALENGTH(brand) > 0),
  type NVARCHAR(200) NOT NULL CHECK (DATALENGTH(type) > 0),
  size NVARCHAR(100) NOT NULL,
  colour NVARCHAR(100) NOT NULL,
  quantity INT NOT NULL CHECK (quantity > 0),
  price DECIMAL(19, 4) NOT NULL CHECK (price BETWEEN 0 AND 9999999999.9999),
  currency CHAR(3) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (currency IN ('EUR', 'USD', 'GBP')),
  CONSTRAINT order_items_pk PRIMARY KEY CLUSTERED (order_seq, line) WITH (DATA_COMPRESSION = PAGE)
);
GO

-- Search: each word of an order once, as the domain's search-words.ts makes it (lower case, without accents). Words are
-- found by their beginning, whole before begun, names before items. No foreign key: only the storing transaction writes.
CREATE TABLE order_words (
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  order_seq BIGINT NOT NULL,
  -- Whether it is a word of the customer's name.
  in_name BIT NOT NULL,
  CONSTRAINT order_words_pk PRIMARY KEY CLUSTERED (word, order_seq) WITH (DATA_COMPRESSION = PAGE)
);
GO

-- Orders that are not stored. When an order is stored its row goes.
CREATE TABLE order_states (
  seq BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT order_states_pk PRIMARY KEY CLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT order_states_order_id UNIQUE NONCLUSTERED,
  status VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (status IN ('retrying', 'dead-lettered', 'discarded')),
  attempt BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  next_attempt_at DATETIME2(3) NULL,
  cause_code NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  cause_detail NVARCHAR(MAX) NOT NULL,
  accepted_at DATETIME2(3) NULL,
  updated_at DATETIME2(3) NOT NULL,
  -- The order as JSON and what lists filter by; null while nothing could be read of it.
  order_json NVARCHAR(MAX) NULL,
  customer_id BIGINT NULL,
  currency VARCHAR(3) COLLATE Latin1_General_100_BIN2 NULL,
  payment_method VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
);
GO

-- Serves the list by status, whatever else it filters by: few orders are not stored.
CREATE INDEX order_states_by_status ON order_states (status)
  INCLUDE (customer_id, currency, payment_method, accepted_at);
GO

CREATE TABLE order_state_words (
  state_seq BIGINT NOT NULL REFERENCES order_states (seq) ON DELETE CASCADE,
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  in_name BIT NOT NULL,
  CONSTRAINT order_state_words_pk PRIMARY KEY CLUSTERED (state_seq, word)
);
GO

-- Serves the list by words and status.
CREATE INDEX order_state_words_by_word ON order_state_words (word) INCLUDE (in_name);
GO

-- What failed and what operators did. An order that was stored at once has no row: its two entries are in `orders`.
CREATE TABLE order_history (
  entry BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT order_history_pk PRIMARY KEY CLUSTERED,
  order_id UNIQUEIDENTIFIER NOT NULL,
  happened_at DATETIME2(3) NOT NULL,
  kind VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (kind IN ('attempt-failed', 'dead-lettered', 'redriven', 'edited', 'discarded', 'restored')),
  attempt BIGINT NULL,
  next_attempt_at DATETIME2(3) NULL,
  cause_code NVARCHAR(200) NULL,
  cause_detail NVARCHAR(MAX) NULL,
  reason NVARCHAR(MAX) NULL
);
GO

-- Serves history; the entries of one order lie in the order of writing.
CREATE INDEX order_history_by_order ON order_history (order_id);
GO

-- An origin that was parked has one row, whose state moves; it is counted when the ledger counted it as parked.
CREATE TABLE parked_records (
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (state IN ('retrying', 'stored', 'duplicate', 'dead', 'discarded', 'redriven')),
  attempt BIGINT NOT NULL,
  counted BIT NOT NULL,
  updated_at DATETIME2(3) NOT NULL,
  CONSTRAINT parked_records_pk PRIMARY KEY NONCLUSTERED (group_id, topic, log_partition, log_offset)
);
GO

-- Serves the ledger's figures by state.
CREATE INDEX parked_records_by_state ON parked_records (group_id, state) WHERE counted = 1;
GO

CREATE TABLE ledger (
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  first_offset BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  stored BIGINT NOT NULL CHECK (stored >= 0),
  duplicate BIGINT NOT NULL CHECK (duplicate >= 0),
  parked BIGINT NOT NULL CHECK (parked >= 0),
  gaps BIGINT NOT NULL CHECK (gaps >= 0),
  redriven BIGINT NOT NULL CHECK (redriven >= 0),
  CONSTRAINT ledger_pk PRIMARY KEY NONCLUSTERED (group_id, topic, log_partition),
  CONSTRAINT ledger_adds_up CHECK (next_offset - first_offset = stored + duplicate + parked + gaps)
);
GO

-- Ranges of offsets that were passed over; `until_offset` is exclusive.
CREATE TABLE ledger_gaps (
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  since_offset BIGINT NOT NULL,
  until_offset BIGINT NOT NULL,
  CONSTRAINT ledger_gaps_pk PRIMARY KEY NONCLUSTERED (group_id, topic, log_partition, since_offset),
  CONSTRAINT ledger_gaps_are_ranges CHECK (until_offset > since_offset)
);
GO

-- Whatever the dead-letter topic held, byte for byte: nothing here may refuse a letter for what is in it, so what is
-- indexed is cut to its column before it comes here.
CREATE TABLE dead_letters (
  kept_seq BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT dead_letters_pk PRIMARY KEY CLUSTERED,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  order_id UNIQUEIDENTIFIER NULL,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (state IN ('dead', 'redriven', 'resolved', 'superseded', 'discarded')),
  kept_at DATETIME2(3) NOT NULL,
  first_code NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  first_detail NVARCHAR(MAX) NOT NULL,
  last_code NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  last_detail NVARCHAR(MAX) NOT NULL,
  attempts BIGINT NOT NULL,
  first_failed_at DATETIME2(3) NOT NULL,
  last_failed_at DATETIME2(3) NOT NULL,
  fingerprint NVARCHAR(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
  consumer_group NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  redrive_of NVARCHAR(400) NULL,
  record_timestamp BIGINT NOT NULL,
  stack NVARCHAR(MAX) NULL,
  -- A JSON array of [name, base64 or null].
  headers NVARCHAR(MAX) NOT NULL,
  record_key VARBINARY(MAX) NULL,
  record_value VARBINARY(MAX) NULL,
  edited_value VARBINARY(MAX) NULL,
  CONSTRAINT dead_letters_origin UNIQUE NONCLUSTERED (topic, log_partition, log_offset)
);
GO

-- Serve the list of dead letters by each of its filters, and the last one the groups.
CREATE INDEX dead_letters_by_order ON dead_letters (order_id) INCLUDE (state) WHERE order_id IS NOT NULL;
CREATE INDEX dead_letters_by_code ON dead_letters (last_code);
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint);
CREATE INDEX dead_letters_by_state ON dead_letters (state);
CREATE INDEX dead_letters_by_group ON dead_letters (state, fingerprint) INCLUDE (last_failed_at, first_failed_at);
GO
