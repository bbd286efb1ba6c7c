-- The caller's own reference of an order, and texts that it keeps with it, as JSON. Orders that came before have neither.
ALTER TABLE orders ADD reference NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NULL CHECK (DATALENGTH(reference) > 0);
GO
ALTER TABLE orders ADD metadata NVARCHAR(MAX) NULL;
GO
ALTER TABLE order_states ADD reference NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NULL;
GO
ALTER TABLE rebuilt_orders ADD reference NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NULL
  CHECK (DATALENGTH(reference) > 0);
GO
ALTER TABLE rebuilt_orders ADD metadata NVARCHAR(MAX) NULL;
GO

-- Serve the list by reference, whatever else it filters by: few orders share one.
CREATE INDEX orders_by_reference ON orders (reference) INCLUDE (customer_id, currency, payment_method, accepted_at)
  WHERE reference IS NOT NULL;
CREATE INDEX order_states_by_reference ON order_states (status, reference)
  INCLUDE (customer_id, currency, payment_method, accepted_at) WHERE reference IS NOT NULL;
GO
