-- Customers who were forgotten. Whatever arrives later of an order that was accepted until then is stored without
-- personal data.
CREATE TABLE forgotten_customers (
  customer_id INTEGER PRIMARY KEY CHECK (customer_id BETWEEN 1 AND 9007199254740991),
  forgotten_at INTEGER NOT NULL
) STRICT;

ALTER TABLE orders ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1));

-- `is_due`: personal data was removed from the rows, and its remains in the file have not been overwritten yet. `is_old`:
-- the search index has words from before customers could be forgotten, so it has to be written anew once.
CREATE TABLE forgetting (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  is_due INTEGER NOT NULL CHECK (is_due IN (0, 1)),
  is_old INTEGER NOT NULL CHECK (is_old IN (0, 1))
) STRICT;

INSERT INTO forgetting
SELECT 1, 0,
  EXISTS (SELECT 1 FROM orders) OR EXISTS (SELECT 1 FROM order_states) OR EXISTS (SELECT 1 FROM dead_letters);
