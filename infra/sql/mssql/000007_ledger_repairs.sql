-- Who repairs the ledger of a group now: one process at a time, until its lease is over.
CREATE TABLE ledger_repairs (
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL
    CONSTRAINT ledger_repairs_pk PRIMARY KEY CLUSTERED,
  lease_owner NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  -- Milliseconds since 1970.
  leased_until BIGINT NOT NULL
);
GO
