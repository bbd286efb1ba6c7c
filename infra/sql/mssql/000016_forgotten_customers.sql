-- Customers who were forgotten. Whatever arrives later of an order that was accepted until then is stored without
-- personal data.
CREATE TABLE forgotten_customers (
  customer_id BIGINT NOT NULL CONSTRAINT forgotten_customers_pk PRIMARY KEY CLUSTERED
    CHECK (customer_id BETWEEN 1 AND 9007199254740991),
  forgotten_at DATETIME2(3) NOT NULL
);
GO

-- When a customer was last forgotten. Forgetting locks every partition of the ledger. Whoever keeps a letter, which may
-- belong to no partition, or begins a new partition locks this one row, which is always there.
CREATE TABLE forgetting (
  only_row INT NOT NULL CONSTRAINT forgetting_pk PRIMARY KEY CLUSTERED CHECK (only_row = 1),
  last_at DATETIME2(3) NULL
);
GO

INSERT INTO forgetting (only_row, last_at) VALUES (1, NULL);
GO

-- 1 if the personal data was removed, otherwise null. A column with a default would be written to every row in some
-- editions.
ALTER TABLE orders ADD forgotten BIT NULL;
GO
ALTER TABLE rebuilt_orders ADD forgotten BIT NULL;
GO
