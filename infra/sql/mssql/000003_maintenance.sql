-- Rebuilding the orders from the log: how far it is, and what was made of the log so far, beside the live tables.

CREATE TABLE rebuild (
  only_row INT NOT NULL CONSTRAINT rebuild_pk PRIMARY KEY CHECK (only_row = 1),
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (state IN ('running', 'done', 'failed')),
  why NVARCHAR(MAX) NULL,
  -- Whoever carries it out; before this time (milliseconds since 1970) nobody else begins one.
  lease_owner NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  leased_until BIGINT NOT NULL,
  started_at DATETIME2(3) NOT NULL,
  updated_at DATETIME2(3) NOT NULL,
  operator NVARCHAR(400) NOT NULL,
  -- The newest order when it began, and the newest that is complete.
  last_seq BIGINT NOT NULL,
  completed_seq BIGINT NOT NULL,
  -- JSON, for people.
  progress NVARCHAR(MAX) NOT NULL
);
GO

-- What the log says of the live order of the same `seq`, under the constraints of `orders`. When it was stored, and
-- whether it was recovered, the log does not know.
CREATE TABLE rebuilt_orders (
  seq BIGINT NOT NULL CONSTRAINT rebuilt_orders_pk PRIMARY KEY CLUSTERED,
  customer_id BIGINT NOT NULL CHECK (customer_id BETWEEN 1 AND 9007199254740991),
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
  body_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (LEN(body_hash) = 64),
  idempotency_key_hash CHAR(64) COLLATE Latin1_General_100_BIN2 NULL CHECK (LEN(idempotency_key_hash) = 64)
);
GO

CREATE TABLE rebuilt_items (
  order_seq BIGINT NOT NULL,
  line INT NOT NULL CHECK (line BETWEEN 0 AND 499),
  item_code NVARCHAR(200) NOT NULL CHECK (DATALENGTH(item_code) > 0),
  brand NVARCHAR(200) NOT NULL CHECK (DATALENGTH(brand) > 0),
  type NVARCHAR(200) NOT NULL CHECK (DATALENGTH(type) > 0),
  size NVARCHAR(100) NOT NULL,
  colour NVARCHAR(100) NOT NULL,
  quantity INT NOT NULL CHECK (quantity > 0),
  price DECIMAL(19, 4) NOT NULL CHECK (price BETWEEN 0 AND 9999999999.9999),
  currency CHAR(3) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (currency IN ('EUR', 'USD', 'GBP')),
  CONSTRAINT rebuilt_items_pk PRIMARY KEY CLUSTERED (order_seq, line) WITH (DATA_COMPRESSION = PAGE)
);
GO

CREATE TABLE rebuilt_words (
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  order_seq BIGINT NOT NULL,
  in_name BIT NOT NULL,
  CONSTRAINT rebuilt_words_pk PRIMARY KEY CLUSTERED (order_seq, word) WITH (DATA_COMPRESSION = PAGE)
);
GO
