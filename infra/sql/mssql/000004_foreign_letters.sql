-- Letters that another consumer put into the dead-letter topic: a JSON object of what its headers say; null for our own.
ALTER TABLE dead_letters ADD foreign_failure NVARCHAR(MAX) NULL;
GO

UPDATE dead_letters SET foreign_failure = N'{"dialect":"unknown","origin":null,"exception":null}' WHERE fingerprint = N'foreign';
GO

-- Serves the list of foreign letters.
CREATE INDEX dead_letters_foreign ON dead_letters (state) WHERE foreign_failure IS NOT NULL;
GO
