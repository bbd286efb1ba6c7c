-- The caller's own reference of an order, and texts that it keeps with it, as JSON. Orders that came before have neither.
ALTER TABLE orders ADD COLUMN reference TEXT CHECK (length(reference) BETWEEN 1 AND 100);
ALTER TABLE orders ADD COLUMN metadata TEXT;
ALTER TABLE order_states ADD COLUMN reference TEXT;

-- Serve the list by reference, whatever else it filters by: few orders share one.
CREATE INDEX orders_by_reference ON orders (reference) WHERE reference IS NOT NULL;
CREATE INDEX order_states_by_reference ON order_states (status, reference) WHERE reference IS NOT NULL;
