-- Which log the ledger counts, by the log's own id, so that another one in its place is recognised however long it is.
-- `broken_by` is set once that happened, and stays until an operator resets the ledger.
CREATE TABLE ledger_logs (
  group_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  log_id TEXT,
  broken_by TEXT CHECK (broken_by IN ('replaced', 'truncated')),
  PRIMARY KEY (group_id, topic)
) STRICT, WITHOUT ROWID;
