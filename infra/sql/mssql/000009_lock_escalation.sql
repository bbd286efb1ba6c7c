-- One statement that takes more than 5,000 row locks would trade them for a lock of the whole table, and everyone who stores
-- would wait for it: the items and words of a batch, the words of orders that failed, gaps that are settled, and a
-- rebuild's switch ("Resolve blocking problems caused by lock escalation in SQL Server", "ALTER TABLE"). Babelfish locks rows
-- alone and does not know the option; SERVERPROPERTY tells it apart.
IF SERVERPROPERTY('Babelfish') IS NULL
BEGIN
  EXEC('ALTER TABLE orders SET (LOCK_ESCALATION = DISABLE);');
  EXEC('ALTER TABLE order_items SET (LOCK_ESCALATION = DISABLE);');
  EXEC('ALTER TABLE order_words SET (LOCK_ESCALATION = DISABLE);');
  EXEC('ALTER TABLE order_state_words SET (LOCK_ESCALATION = DISABLE);');
  EXEC('ALTER TABLE ledger_gaps SET (LOCK_ESCALATION = DISABLE);');
END;
