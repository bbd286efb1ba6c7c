-- A rebuild of the read model: how far it is, or how the last one ended.
CREATE TABLE rebuild (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
  why TEXT,
  -- Whoever carries it out; before this time nobody else begins one.
  owner TEXT NOT NULL,
  leased_until INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  operator TEXT NOT NULL,
  -- The newest order when it began, and the newest that is complete in the new tables.
  last_seq INTEGER NOT NULL,
  completed_seq INTEGER NOT NULL,
  -- JSON, for people.
  progress TEXT NOT NULL
) STRICT;

-- The audit takes more actions; a check cannot be changed in its place.
ALTER TABLE audit RENAME TO audit_before;

CREATE TABLE audit (
  entry INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (
    action IN ('redrive', 'cancel', 'resume', 'stop', 'discard', 'restore', 'edit', 'rebuild', 'reset-ledger')
  ),
  target TEXT NOT NULL,
  operator TEXT NOT NULL,
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  reason TEXT
) STRICT;

INSERT INTO audit SELECT entry, at, action, target, operator, verified, reason FROM audit_before;
DROP TABLE audit_before;

-- Serves the audit of one letter, task, topic or table.
CREATE INDEX audit_by_target ON audit (target);
