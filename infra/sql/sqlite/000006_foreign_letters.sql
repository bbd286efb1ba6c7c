-- Letters that another consumer put into the dead-letter topic: a JSON object of what its headers say; null for our own.
ALTER TABLE dead_letters ADD COLUMN foreign_failure TEXT;

UPDATE dead_letters SET foreign_failure = '{"dialect":"unknown","origin":null,"exception":null}' WHERE fingerprint = 'foreign';

-- Serves the list of foreign letters.
CREATE INDEX dead_letters_foreign ON dead_letters (state) WHERE foreign_failure IS NOT NULL;
