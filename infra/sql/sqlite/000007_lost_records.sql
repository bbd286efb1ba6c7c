-- Of the offsets that were passed over the ledger now tells apart what is still to be repaired from what is settled:
-- `absent` were never records (transaction markers, aborted records), `lost` left the log before they were counted. Both are
-- counted in `gaps` too. Ranges of absent offsets have no row; those of lost ones say how they were lost.
ALTER TABLE ledger ADD COLUMN absent INTEGER NOT NULL DEFAULT 0 CHECK (absent >= 0);
ALTER TABLE ledger ADD COLUMN lost INTEGER NOT NULL DEFAULT 0 CHECK (lost >= 0);
ALTER TABLE ledger_gaps ADD COLUMN lost_by TEXT CHECK (lost_by IN ('log-start', 'hole'));
