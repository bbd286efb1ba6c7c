-- What operators do to dead letters: redrive tasks, and the list of every action.

CREATE TABLE redrive_tasks (
  task_seq BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT redrive_tasks_pk PRIMARY KEY CLUSTERED,
  id NVARCHAR(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT redrive_tasks_id UNIQUE NONCLUSTERED,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (state IN ('running', 'stopped', 'cancelled', 'done')),
  -- Why it stopped by itself.
  why NVARCHAR(MAX) NULL,
  created_at DATETIME2(3) NOT NULL,
  updated_at DATETIME2(3) NOT NULL,
  operator NVARCHAR(400) NOT NULL,
  reason NVARCHAR(MAX) NULL,
  rate_per_second INT NOT NULL CHECK (rate_per_second > 0),
  -- Steps that were begun.
  step INT NOT NULL,
  -- Before this time (milliseconds since 1970) nobody but the owner carries the task on: it is leased, or not due.
  due_at BIGINT NOT NULL,
  lease_owner NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NULL
);
GO

-- Serves the search for a task to go on with.
CREATE INDEX redrive_tasks_running ON redrive_tasks (due_at) INCLUDE (lease_owner) WHERE state = 'running';
GO

-- The letters of a task in the order of keeping, which is that of kept_seq. Their outcomes are their own states.
CREATE TABLE redrive_letters (
  task_seq BIGINT NOT NULL REFERENCES redrive_tasks (task_seq),
  kept_seq BIGINT NOT NULL REFERENCES dead_letters (kept_seq),
  -- The step that sends it, noted before it is sent; null while it waits, -1 when it was sent before a resume.
  step INT NULL,
  CONSTRAINT redrive_letters_pk PRIMARY KEY CLUSTERED (task_seq, kept_seq)
);
GO

-- Serves the letters of one step, and those that wait.
CREATE INDEX redrive_letters_by_step ON redrive_letters (task_seq, step);
GO

CREATE TABLE audit (
  entry BIGINT IDENTITY(1, 1) NOT NULL CONSTRAINT audit_pk PRIMARY KEY CLUSTERED,
  happened_at DATETIME2(3) NOT NULL,
  action VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL
    CHECK (action IN (
      'redrive', 'cancel', 'resume', 'stop', 'discard', 'restore', 'edit', 'rebuild', 'reset-ledger'
    )),
  target NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL,
  operator NVARCHAR(400) NOT NULL,
  verified BIT NOT NULL,
  reason NVARCHAR(MAX) NULL
);
GO

-- Serves the audit of one letter, task, topic or table.
CREATE INDEX audit_by_target ON audit (target);
GO
