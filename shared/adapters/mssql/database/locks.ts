/**
 * The order in which transactions take locks. Transactions that lock in the same order wait for each other and rarely
 * deadlock. Deadlocks remain possible where one statement locks several rows through a join (lockStates), because the
 * statement's plan determines the order of the rows. A statement that becomes the victim of a deadlock is retried
 * (query.ts).
 *
 * 1. A transaction that decides a record's outcome first locks the ledger row of the record's partition. If the record
 *    redrives a letter, the transaction also locks the ledger row of the letter's partition. Such transactions store or
 *    retry records, keep dead letters, or carry out operators' actions. Within one partition they therefore run one
 *    after another, and everything that they read after locking is final. Reads without a lock could be out of date:
 *    with READ_COMMITTED_SNAPSHOT on, a statement sees rows as they were when it started, and does not wait for
 *    concurrent changes ("Transaction locking and row versioning guide"). Forgetting a customer locks all partitions,
 *    so everything is stored either before or after it (forgetting/forget-customer-sql.ts).
 * 2. A transaction that decides or records a change then locks the change's row in order_changes.
 * 3. One order may have records in two partitions, so a transaction that decides an order's outcome then locks the
 *    order's row in order_states.
 * 4. The other tables follow in the order of LOCK_ORDER. Each row of a table that LOCK_ORDER does not list belongs to a
 *    row of a listed table (ROWS_OF), and is changed only by transactions that have locked the listed table's row.
 *
 * Rows are locked by an UPDATE that changes nothing. Such an UPDATE waits for the row and locks it until the end of the
 * transaction, on every engine and at every isolation level. A lock hint would do so only on SQL Server, because
 * Babelfish ignores it. Ranges are not locked: if two transactions insert the same key, one fails and is retried
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

/** Tables whose rows each belong to a row of another table. */
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
 * scan would cost no more than a seek. But a scan takes update locks and therefore waits for the rows of all other
 * partitions, so records of two partitions could never be stored at the same time. FORCESEEK allows only seeks ("Table
 * hints"). A clustered key would make a seek likely but not certain, and would take 902 bytes, although only 900 are
 * allowed.
 *
 * parked_records also has few rows. If the group were compared with a variable, a seek could read all rows of the
 * group. The statements therefore take the group from the same table variable as the other key columns, so a seek reads
 * only each record's own row.
 */
export const lockPartition = (group: string, topic: string, partition: string) => `
  UPDATE l
  SET next_offset = l.next_offset
  FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = ${group} AND l.topic = ${topic} AND l.log_partition = ${partition};`

/** The partitions that LOCK_PARTITIONS locks, sorted by group, topic and partition and numbered from 1. */
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
 * Locks a table's rows for the orders in a table variable, or only for the orders in one round. FORCESEEK forces the
 * use of the table's index on order_id, so that the statement does not wait for other orders.
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
