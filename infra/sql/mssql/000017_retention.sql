-- Settled dead letters, histories, the audit and ended redrive tasks leave after a while, if the settings say so.

-- When the letter was resolved, superseded or discarded; null while it is open. Letters that were settled before count
-- from this migration, because nobody noted their times.
ALTER TABLE dead_letters ADD settled_at DATETIME2(3) NULL;
GO
-- When the letter's content was removed. The row stays with its position, ids and state, by which a record that is
-- delivered again is recognised. Nothing shows such a row, so the indexes of lists leave it out.
ALTER TABLE dead_letters ADD removed_at DATETIME2(3) NULL;
GO
UPDATE dead_letters SET settled_at = SYSUTCDATETIME() WHERE state NOT IN ('dead', 'redriven');
GO

DROP INDEX dead_letters_by_code ON dead_letters;
DROP INDEX dead_letters_by_fingerprint ON dead_letters;
DROP INDEX dead_letters_by_state ON dead_letters;
DROP INDEX dead_letters_by_group ON dead_letters;
DROP INDEX dead_letters_foreign ON dead_letters;
GO
CREATE INDEX dead_letters_by_code ON dead_letters (last_code) WHERE removed_at IS NULL;
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint) WHERE removed_at IS NULL;
CREATE INDEX dead_letters_by_state ON dead_letters (state) WHERE removed_at IS NULL;
CREATE INDEX dead_letters_by_group ON dead_letters (state, fingerprint) INCLUDE (last_failed_at, first_failed_at)
  WHERE removed_at IS NULL;
CREATE INDEX dead_letters_foreign ON dead_letters (state) WHERE foreign_failure IS NOT NULL AND removed_at IS NULL;
-- Serves the removal of settled letters.
CREATE INDEX dead_letters_settled ON dead_letters (settled_at) INCLUDE (state)
  WHERE settled_at IS NOT NULL AND removed_at IS NULL;
GO

-- When the removal of the task began. Its letters may be many, so it takes several steps, and meanwhile nothing shows it.
ALTER TABLE redrive_tasks ADD removed_at DATETIME2(3) NULL;
GO
-- Serves the removal of tasks that have ended.
CREATE INDEX redrive_tasks_ended ON redrive_tasks (updated_at) WHERE state <> 'running';
GO

-- Serves the removal of old entries.
CREATE INDEX audit_by_time ON audit (happened_at);
GO

-- Orders from whose history entries were removed: all that were older than this time.
CREATE TABLE removed_histories (
  order_id UNIQUEIDENTIFIER NOT NULL CONSTRAINT removed_histories_pk PRIMARY KEY CLUSTERED,
  removed_before DATETIME2(3) NOT NULL
);
GO
