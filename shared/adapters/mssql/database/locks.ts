/**
 * The order in which transactions take locks. Transactions that lock in the same order wait for each other and rarely
 * deadlock. Deadlocks remain possible where one statement locks several rows by a join (lockStates), because the
 * statement's plan determines the order of the rows. The victim of a deadlock is repeated (query.ts).
 *
 * 1. A transaction that decides about a record first locks the ledger row of the record's partition, and the ledger row
 *    of the partition of the letter that the record redrives. Storing, retries, keeping letters and operators' acts on
 *    one partition therefore run one after another, and everything that they read after locking is final. Reads without
 *    a lock would not be final: with READ_COMMITTED_SNAPSHOT on, a statement reads rows as of its start and does not
 *    wait for concurrent changes ("Transaction locking and row versioning guide"). Forgetting a customer locks all
 *    partitions, and therefore comes before or after everything that is stored (forgetting/forget-customer-sql.ts).
 * 2. A transaction that decides about a change, or records one, then locks the change's row in order_changes.
 * 3. One order may have records in two partitions, so a transaction that decides about an order then locks the order's
 *    row in order_states.
 * 4. The other tables follow in the order of LOCK_ORDER. The rows of a table that is not listed belong to a row of
 *    another table (ROWS_OF), and are changed only by a transaction that has locked that row.
 *
 * Rows are locked by an UPDATE that changes nothing. Such an UPDATE waits for the row and locks it until the end of the
 * transaction, on every engine and at every isolation level. A lock hint would do so only on SQL Server, because
 * Babelfish ignores it. Ranges are not locked: if two transactions insert the same key, one fails and is repeated
 * (query.ts).
 */
export const LOCK_ORDER = [
  'search_reindex',
  'redrive_tasks',
  'archiving',
  'rebuild',
  'ledger_repairs',
  'forgetting',
  'ledger',
  'ledger_logs',
  'forgotten_customers',
  'order_changes',
  'order_states',
  'orders',
  'archived_orders',
  'archived_changes',
  'dead_letters',
  'parked_records',
  'removed_histories',
  'order_history',
  'order_change_history',
  'audit',
] as const

/** Tables whose rows belong to a row of another table. */
export const ROWS_OF: Readonly<Record<string, (typeof LOCK_ORDER)[number]>> = {
  redrive_letters: 'redrive_tasks',
  rebuilt_orders: 'rebuild',
  rebuilt_items: 'rebuild',
  rebuilt_words: 'rebuild',
  ledger_gaps: 'ledger',
  order_state_words: 'order_states',
  order_items: 'orders',
  order_words: 'orders',
}

/**
 * Locks the ledger row of one partition. The arguments are T-SQL expressions. The ledger is a heap with few rows, so a
 * scan would cost no more than a seek. But a scan takes update locks and waits for the rows of all other partitions, so
 * the partitions would store one after another. FORCESEEK allows only seeks ("Table hints"). A clustered key would make
 * a seek likely but not certain, and would take 902 bytes where 900 are allowed.
 *
 * parked_records has few rows too. There, the group and the other key columns come from a table variable, so a
 * statement can seek only the row of each record, and never all rows of the group.
 */
export const lockPartition = (group: string, topic: string, partition: string) => `
  UPDATE l
  SET next_offset = l.next_offset
  FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = ${group} AND l.topic = ${topic} AND l.log_partition = ${partition};`

/** The partitions that LOCK_PARTITIONS locks, numbered from 1 by group, topic and partition. */
export const DECLARE_PARTITIONS = `
DECLARE @partitions TABLE (
  n INT NOT NULL PRIMARY KEY,
  group_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL
);
DECLARE @n INT = 1, @last_n INT;
DECLARE @group NVARCHAR(200), @topic NVARCHAR(249), @partition INT;
`
export const LOCK_PARTITIONS = `
SET @last_n = (SELECT COUNT(*) FROM @partitions);
WHILE @n <= @last_n
BEGIN
  SELECT @group = p.group_id, @topic = p.topic, @partition = p.log_partition FROM @partitions AS p WHERE p.n = @n;
${lockPartition('@group', '@topic', '@partition')}
  SET @n += 1;
END;
`

/**
 * Locks the rows of a table that belong to the orders in a table variable, or in one round of that variable. FORCESEEK
 * forces the use of the table's index on order_id, so that the statement does not wait for other orders.
 */
const lockRows = (table: string, alias: string, column: string) => (orders: string, round?: string) =>
  `
  UPDATE ${alias}
  SET ${column} = ${alias}.${column}
  FROM ${table} AS ${alias} WITH (FORCESEEK)
  JOIN ${orders} AS o ON o.order_id = ${alias}.order_id${round === undefined ? '' : `\n  WHERE o.round = ${round}`};`
export const lockChanges = lockRows('order_changes', 'c', 'attempt')
/** Afterwards, @@ROWCOUNT is the number of orders that have a status. */
export const lockStates = lockRows('order_states', 's', 'attempt')
export const lockStored = lockRows('orders', 'k', 'version')
export const lockTombstones = lockRows('archived_orders', 't', 'archived_at')
