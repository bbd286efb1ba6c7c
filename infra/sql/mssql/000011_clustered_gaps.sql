-- A heap keeps the pages that its deletes empty (learn.microsoft.com/sql/t-sql/statements/delete-transact-sql, "Deleting rows
-- from a heap"), and is read through all of them. TABLOCK gives them back and keeps everyone else out meanwhile; a clustered
-- index needs neither. Gaps come and go with each delivery out of order, and a reset of the ledger takes all of either.
-- Without the group, because with it the key would have 910 bytes, and 900 are allowed; the primary keys stay as they are.
-- The ledger and its logs are heaps still: a row for each partition, and each topic.
CREATE CLUSTERED INDEX ledger_gaps_in_order ON ledger_gaps (topic, log_partition, since_offset);
GO

CREATE CLUSTERED INDEX parked_records_in_order ON parked_records (topic, log_partition, log_offset);
GO
