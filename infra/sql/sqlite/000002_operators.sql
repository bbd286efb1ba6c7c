-- What operators do to dead letters: redrive tasks, and the list of every action.

CREATE TABLE redrive_tasks (
  task_seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('running', 'stopped', 'cancelled', 'done')),
  -- Why it stopped by itself.
  why TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  operator TEXT NOT NULL,
  reason TEXT,
  rate_per_second INTEGER NOT NULL CHECK (rate_per_second > 0),
  -- Steps that were begun.
  step INTEGER NOT NULL,
  -- Before this time nobody but the owner carries the task on: it is leased, or not due.
  due_at INTEGER NOT NULL,
  lease_owner TEXT
) STRICT;

-- Serves the search for a task to go on with.
CREATE INDEX redrive_tasks_running ON redrive_tasks (due_at) WHERE state = 'running';

-- The letters of a task in the order of keeping, which is that of kept_seq. Their outcomes are their own states.
CREATE TABLE redrive_letters (
  task_seq INTEGER NOT NULL REFERENCES redrive_tasks (task_seq),
  kept_seq INTEGER NOT NULL REFERENCES dead_letters (kept_seq),
  -- The step that sends it, noted before it is sent; null while it waits, -1 when it was sent before a resume.
  step INTEGER,
  PRIMARY KEY (task_seq, kept_seq)
) STRICT, WITHOUT ROWID;

-- Serves the letters of one step, and those that wait.
CREATE INDEX redrive_letters_by_step ON redrive_letters (task_seq, step);

CREATE TABLE audit (
  entry INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('redrive', 'cancel', 'resume', 'stop', 'discard', 'restore', 'edit')),
  target TEXT NOT NULL,
  operator TEXT NOT NULL,
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  reason TEXT
) STRICT;

-- Serves the audit of one letter or task.
CREATE INDEX audit_by_target ON audit (target);
