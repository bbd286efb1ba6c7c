-- Who repairs the ledger of a group now: one process at a time, until its lease is over.
CREATE TABLE ledger_repairs (
  group_id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  leased_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
