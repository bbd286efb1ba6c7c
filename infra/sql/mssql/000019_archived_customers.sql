-- Letters and late changes of an archived order stay in the store, and lose the personal data when the order's customer is
-- forgotten. Null for an order that was archived before this migration.
ALTER TABLE archived_orders ADD customer_id BIGINT NULL;
GO

-- Serves forgetting.
CREATE INDEX archived_orders_by_customer ON archived_orders (customer_id) WHERE customer_id IS NOT NULL;
GO
