/**
 * What transactions lock, and in which order. Two that lock in one order wait for each other and rarely end in a deadlock;
 * of one, the loser comes again (query.ts). Rare remain those of rows that one statement locks by a join (lockStates), in
 * the order of its plan.
 *
 * 1. Whoever decides about a record first locks the ledger's row of the record's partition, for the record itself and for
 *    the letter that it redrives. Storing, retries, the keeping of letters and an operator's acts on one partition thus
 *    come one after the other, and everything that they read behind that lock is final. Reads without a lock would not be:
 *    with READ_COMMITTED_SNAPSHOT on, a statement reads rows as of its start, without waiting for whoever changes them
 *    ("Transaction locking and row versioning guide").
 * 2. Records of one order may lie in two partitions, so whoever decides about an order then locks its row in order_states.
 * 3. Then the other tables, in the order of LOCK_ORDER. A table that is not in it belongs to the row of another one
 *    (ROWS_OF), and is changed by nobody who has not locked that.
 *
 * Rows are locked by an UPDATE that changes nothing: it waits for the row, and keeps others from it until the end of the
 * transaction, on every engine and at every isolation level. A hint would do so on SQL Server alone; Babelfish reads past it.
 * No lock is of a range: of two transactions that insert the same key one fails by it, and comes again (query.ts).
 */
export const LOCK_ORDER = [
  'search_reindex',
  'redrive_tasks',
  'rebuild',
  'ledger_repairs',
  'ledger',
  'ledger_logs',
  'order_states',
  'orders',
  'dead_letters',
  'parked_records',
  'order_history',
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
 * Locks the ledger's row of one partition, named by expressions. FORCESEEK, because the ledger is a heap of few rows: a
 * scan of it costs no more than a seek, and would wait for the rows of all other partitions too, each with its update
 * lock, so that all of them stored one after another ("Table hints": only a seek is considered then). A clustered key
 * would make the seek likely, not certain, and of this one would be 902 bytes, where 900 are allowed.
 *
 * parked_records has few rows, too. There the group comes from a table variable, as the other columns of the key
 * do: nothing but the row of each record can be sought then, and never all rows of the group.
 */
export const lockPartition = (group: string, topic: string, partition: string) => `
  UPDATE l
  SET next_offset = l.next_offset
  FROM ledger AS l WITH (FORCESEEK)
  WHERE l.group_id = ${group} AND l.topic = ${topic} AND l.log_partition = ${partition};`

/**
 * Locks the status of each order that a table variable names, of one round of it if told so; then @@ROWCOUNT is how many
 * have a status. FORCESEEK, by the unique index of order_id, so that the orders of others are not waited for.
 */
export const lockStates = (rows: string, round?: string) => `
  UPDATE s
  SET attempt = s.attempt
  FROM order_states AS s WITH (FORCESEEK)
  JOIN ${rows} AS o ON o.order_id = s.order_id${round === undefined ? '' : `\n  WHERE o.round = ${round}`};`
