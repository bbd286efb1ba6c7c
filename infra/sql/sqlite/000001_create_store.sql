-- The store: orders as they were stored, what became of those that are not, dead letters, the ledger.
--
-- Times are milliseconds since 1970 in UTC. Amounts are ten-thousandths. Order ids and SHA-256 hashes are bytes.
-- Every index names the query that it serves; a query without an index is a fault that a test finds.

-- `seq` is the order of storing: rows only ever append, and lists page by it.
CREATE TABLE orders (
  seq INTEGER PRIMARY KEY,
  order_id BLOB NOT NULL UNIQUE CHECK (length(order_id) = 16),
  customer_id INTEGER NOT NULL CHECK (customer_id BETWEEN 1 AND 9007199254740991),
  customer_name TEXT NOT NULL CHECK (length(customer_name) BETWEEN 1 AND 100),
  customer_last_name TEXT NOT NULL CHECK (length(customer_last_name) BETWEEN 1 AND 100),
  customer_email TEXT NOT NULL CHECK (length(customer_email) <= 100),
  shipping_address TEXT NOT NULL CHECK (length(shipping_address) BETWEEN 1 AND 200),
  billing_address TEXT NOT NULL CHECK (length(billing_address) BETWEEN 1 AND 200),
  currency TEXT NOT NULL CHECK (currency IN ('EUR', 'USD', 'GBP')),
  total_price INTEGER NOT NULL CHECK (total_price BETWEEN 0 AND 99999999999999),
  payment_method TEXT NOT NULL
    CHECK (payment_method IN ('PayPal', 'Invoice', 'OnlineBankTransfer', 'CreditCard', 'DirectDebit')),
  accepted_at INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  origin_topic TEXT NOT NULL,
  origin_partition INTEGER NOT NULL CHECK (origin_partition >= 0),
  origin_offset INTEGER NOT NULL CHECK (origin_offset >= 0),
  body_hash BLOB NOT NULL CHECK (length(body_hash) = 32),
  idempotency_key_hash BLOB CHECK (length(idempotency_key_hash) = 32),
  recovered INTEGER NOT NULL CHECK (recovered IN (0, 1))
) STRICT;

-- Keeps key hashes unique; serves findByIdempotencyKey.
CREATE UNIQUE INDEX orders_by_idempotency_key ON orders (idempotency_key_hash) WHERE idempotency_key_hash IS NOT NULL;
-- Serve the list by any of its filters: within each value of the key the entries lie in the order of seq.
CREATE INDEX orders_by_customer ON orders (customer_id, currency, payment_method);
CREATE INDEX orders_by_currency ON orders (currency, payment_method);

CREATE TABLE order_items (
  order_seq INTEGER NOT NULL REFERENCES orders (seq),
  line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 499),
  item_code TEXT NOT NULL CHECK (length(item_code) BETWEEN 1 AND 100),
  brand TEXT NOT NULL CHECK (length(brand) BETWEEN 1 AND 100),
  type TEXT NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
  size TEXT NOT NULL CHECK (length(size) <= 50),
  colour TEXT NOT NULL CHECK (length(colour) <= 50),
  quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
  price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 99999999999999),
  currency TEXT NOT NULL CHECK (currency IN ('EUR', 'USD', 'GBP')),
  PRIMARY KEY (order_seq, line)
) STRICT, WITHOUT ROWID;

-- For each 1,024 orders in a row, between which times they were accepted: a list of a day reads the spans of that day.
-- Orders are stored nearly, not exactly, in the order of acceptance, so an index by time would not page by seq.
CREATE TABLE order_spans (
  span INTEGER PRIMARY KEY,
  min_accepted_at INTEGER NOT NULL,
  max_accepted_at INTEGER NOT NULL
) STRICT;

-- Full text, as an index alone: rowid is the order's seq, the text is made by search-text.ts, which also says what the
-- words in it are. Neither positions nor sizes are kept, for nothing ranks by them. Short beginnings of words have
-- entries of their own, because they match the most.
CREATE VIRTUAL TABLE order_search USING fts5 (
  words, content = '', columnsize = 0, detail = none, tokenize = 'ascii', prefix = '1 2 3 4'
);

-- Orders that are not stored. When an order is stored its row goes.
CREATE TABLE order_states (
  seq INTEGER PRIMARY KEY,
  order_id BLOB NOT NULL UNIQUE CHECK (length(order_id) = 16),
  status TEXT NOT NULL CHECK (status IN ('retrying', 'dead-lettered', 'discarded')),
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  next_attempt_at INTEGER,
  cause_code TEXT NOT NULL,
  cause_detail TEXT NOT NULL,
  accepted_at INTEGER,
  updated_at INTEGER NOT NULL,
  -- The order as JSON and what lists filter by; null while nothing could be read of it.
  order_json TEXT,
  customer_id INTEGER,
  currency TEXT,
  payment_method TEXT
) STRICT;

-- Serve the list by status: alone, by a customer, by currency and payment method.
CREATE INDEX order_states_by_status ON order_states (status);
CREATE INDEX order_states_by_customer ON order_states (status, customer_id, currency, payment_method);
CREATE INDEX order_states_by_currency ON order_states (status, currency, payment_method);

CREATE VIRTUAL TABLE order_state_search USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii', prefix = '1 2 3 4'
);

-- What failed and what operators did. An order that was stored at once has no row: its two entries are in `orders`.
CREATE TABLE order_history (
  entry INTEGER PRIMARY KEY,
  order_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('attempt-failed', 'dead-lettered', 'redriven', 'edited', 'discarded', 'restored')),
  attempt INTEGER,
  next_attempt_at INTEGER,
  cause_code TEXT,
  cause_detail TEXT,
  reason TEXT
) STRICT;

-- Serves history.
CREATE INDEX order_history_by_order ON order_history (order_id);

-- An origin that was parked has one row, whose state moves; it is counted when the ledger counted it as parked.
CREATE TABLE parked_records (
  group_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  record_offset INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('retrying', 'stored', 'duplicate', 'dead', 'discarded', 'redriven')),
  attempt INTEGER NOT NULL,
  counted INTEGER NOT NULL CHECK (counted IN (0, 1)),
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (group_id, topic, partition, record_offset)
) STRICT, WITHOUT ROWID;

-- Serves the ledger's figures by state.
CREATE INDEX parked_records_by_state ON parked_records (group_id, state) WHERE counted = 1;

CREATE TABLE ledger (
  group_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  first INTEGER NOT NULL,
  next INTEGER NOT NULL CHECK (next >= first),
  stored INTEGER NOT NULL CHECK (stored >= 0),
  duplicate INTEGER NOT NULL CHECK (duplicate >= 0),
  parked INTEGER NOT NULL CHECK (parked >= 0),
  gaps INTEGER NOT NULL CHECK (gaps >= 0),
  redriven INTEGER NOT NULL CHECK (redriven >= 0),
  PRIMARY KEY (group_id, topic, partition),
  CHECK (next - first = stored + duplicate + parked + gaps)
) STRICT, WITHOUT ROWID;

-- Ranges of offsets that were passed over; `until` is exclusive.
CREATE TABLE ledger_gaps (
  group_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL CHECK (until > since),
  PRIMARY KEY (group_id, topic, partition, since)
) STRICT, WITHOUT ROWID;

-- Whatever the dead-letter topic held, byte for byte: nothing here may refuse a letter for what is in it.
CREATE TABLE dead_letters (
  kept_seq INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  record_offset INTEGER NOT NULL,
  order_id BLOB,
  state TEXT NOT NULL CHECK (state IN ('dead', 'redriven', 'resolved', 'superseded', 'discarded')),
  kept_at INTEGER NOT NULL,
  first_code TEXT NOT NULL,
  first_detail TEXT NOT NULL,
  last_code TEXT NOT NULL,
  last_detail TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  redrive_of TEXT,
  record_timestamp INTEGER NOT NULL,
  stack TEXT,
  -- A JSON array of [name, base64 or null].
  headers TEXT NOT NULL,
  record_key BLOB,
  record_value BLOB,
  edited_value BLOB,
  UNIQUE (topic, partition, record_offset)
) STRICT;

-- Serve the list of dead letters by each of its filters, and the last one the groups.
CREATE INDEX dead_letters_by_order ON dead_letters (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX dead_letters_by_code ON dead_letters (last_code);
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint);
CREATE INDEX dead_letters_by_state ON dead_letters (state);
CREATE INDEX dead_letters_by_group ON dead_letters (state, fingerprint, last_failed_at, first_failed_at);

-- Written to learn whether the file can be written.
CREATE TABLE probes (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
