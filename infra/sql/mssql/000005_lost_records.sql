-- Of the offsets that were passed over the ledger now tells apart what is still to be repaired from what is settled:
-- `absent` were never records (transaction markers, aborted records), `lost` left the log before they were counted. Both are
-- counted in `gaps` too. Ranges of absent offsets have no row; those of lost ones say how they were lost.
ALTER TABLE ledger ADD absent BIGINT NOT NULL CONSTRAINT ledger_absent_default DEFAULT 0 CHECK (absent >= 0);
GO

ALTER TABLE ledger ADD lost BIGINT NOT NULL CONSTRAINT ledger_lost_default DEFAULT 0 CHECK (lost >= 0);
GO

ALTER TABLE ledger_gaps ADD lost_by VARCHAR(20) COLLATE Latin1_General_100_BIN2 NULL
  CHECK (lost_by IN ('log-start', 'hole'));
GO
