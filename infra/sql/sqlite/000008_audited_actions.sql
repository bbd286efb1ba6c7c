-- The audit takes more actions. The program has their list: a check cannot be changed in its place.
ALTER TABLE audit RENAME TO audit_before;

CREATE TABLE audit (
  entry INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  operator TEXT NOT NULL,
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  reason TEXT
) STRICT;

INSERT INTO audit SELECT entry, at, action, target, operator, verified, reason FROM audit_before;
DROP TABLE audit_before;

-- Serves the audit of one letter, task, topic, table or record.
CREATE INDEX audit_by_target ON audit (target);
