-- The position of an archived order in `orders`, which restoring gives back. Null for a discarded order, and for an
-- order that was archived before this migration.
ALTER TABLE archived_orders ADD seq BIGINT NULL;
GO
