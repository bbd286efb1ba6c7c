-- Which log the ledger counts, by the log's own id, so that another one in its place is recognised however long it is.
-- `broken_by` is set once that happened, and stays until an operator resets the ledger.
CREATE TABLE ledger_logs (
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_id VARCHAR(100) COLLATE Latin1_General_100_BIN2 NULL,
  broken_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL CHECK (broken_by IN ('replaced', 'truncated')),
  CONSTRAINT ledger_logs_pk PRIMARY KEY NONCLUSTERED (group_id, topic)
);
GO
