/**
 * Queries for orders, each in one round trip. A query first finds the `seq` of each order (@found), and then selects
 * the orders with their items. Each SELECT sees the tables as of one moment, and the next SELECT may see them as of a
 * later moment. States are therefore read before orders: an order that is stored in between is found twice and counts
 * as stored, instead of not being found at all.
 */
const DECLARE_FOUND = `
SET NOCOUNT ON;
DECLARE @found TABLE (seq BIGINT NOT NULL PRIMARY KEY, rank_class INT NOT NULL);
`

const STATE_COLUMNS = `s.seq, s.order_id, s.status, s.attempt, s.max_attempts, s.next_attempt_at, s.cause_code,
  s.cause_detail, s.accepted_at, s.updated_at, s.order_json`

/** Uses the primary keys. */
const SELECT_STORED = `
SELECT f.rank_class, o.seq, o.order_id, o.customer_id, o.customer_name, o.customer_last_name, o.customer_email,
  o.shipping_address, o.billing_address, o.currency, o.total_price, o.payment_method, o.accepted_at, o.stored_at,
  o.recovered, o.reference, o.metadata, o.version, o.cancelled_at, o.cancellation_reason, o.forgotten
FROM @found AS f
JOIN orders AS o ON o.seq = f.seq
ORDER BY f.rank_class, o.seq DESC;
SELECT x.order_seq, x.item_code, x.brand, x.type, x.size, x.colour, x.quantity, x.price, x.currency
FROM @found AS f
JOIN order_items AS x ON x.order_seq = f.seq
ORDER BY x.order_seq, x.line;
`
const SELECT_STATES = `
SELECT ${STATE_COLUMNS}
FROM @found AS f
JOIN order_states AS s ON s.seq = f.seq
ORDER BY s.seq DESC;
`

/** Uses the unique indexes on order_id. */
export const SELECT_BY_IDS = `${DECLARE_FOUND}
SELECT ${STATE_COLUMNS}
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_states AS s ON s.order_id = i.order_id;
INSERT INTO @found (seq, rank_class)
SELECT DISTINCT o.seq, 0
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN orders AS o ON o.order_id = i.order_id;
${SELECT_STORED}`

/**
 * The entries of the order itself, then those of its changes, and then the time before which entries were removed. Uses
 * order_history_by_order and order_change_history_by_order, which sort the entries of an order from oldest to newest.
 */
export const SELECT_HISTORY = `
SELECT h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code, h.cause_detail, h.reason
FROM order_history AS h
WHERE h.order_id = CAST(@orderId AS UNIQUEIDENTIFIER)
ORDER BY h.entry;
SELECT h.happened_at, h.kind, h.attempt, h.next_attempt_at, h.cause_code, h.cause_detail, h.reason, h.change_id, h.version
FROM order_change_history AS h
WHERE h.order_id = CAST(@orderId AS UNIQUEIDENTIFIER)
ORDER BY h.entry;
SELECT r.removed_before FROM removed_histories AS r WHERE r.order_id = CAST(@orderId AS UNIQUEIDENTIFIER);
`

/** Uses orders_by_idempotency_key and archived_orders_by_idempotency_key. */
export const SELECT_BY_KEY = `
SELECT o.order_id, o.body_hash, o.accepted_at
FROM orders AS o
WHERE o.idempotency_key_hash = CAST(@keyHash AS CHAR(64)) AND o.idempotency_key_hash IS NOT NULL
UNION ALL
SELECT t.order_id, t.body_hash, t.accepted_at
FROM archived_orders AS t
WHERE t.idempotency_key_hash = CAST(@keyHash AS CHAR(64)) AND t.idempotency_key_hash IS NOT NULL;
`

/**
 * `k` is the position of a word in the query: an order matches if, for every `k`, it contains at least one of the words
 * with that `k`. A word that may be the end of an order id is listed twice, as it is and in the form in which ids are
 * indexed.
 */
const DECLARE_WORDS = `
DECLARE @words TABLE (
  k INT NOT NULL,
  word NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  PRIMARY KEY (k, word)
);
INSERT INTO @words (k, word)
SELECT w.k, w.word FROM OPENJSON(@queryWords) WITH (k INT '$[0]', word NVARCHAR(200) '$[1]') AS w;
DECLARE @wordCount INT = (SELECT COUNT(DISTINCT w.k) FROM @words AS w);
`

/** Words do not contain %, _ or [, so LIKE becomes a seek in the word index. */
const hasWords = (table: 'order_words' | 'order_state_words', seq: 'order_seq' | 'state_seq') => `(
  SELECT w.${seq}
  FROM @words AS q
  JOIN ${table} AS w ON w.word LIKE q.word + N'%'
  GROUP BY w.${seq}
  HAVING COUNT(DISTINCT q.k) = @wordCount
)`

/**
 * The filters that a list may have. Each has a parameter of the same name, except `q`, whose parameter is @queryWords,
 * and the last two, which have none and apply only to stored orders.
 */
export type ListFilter =
  | 'customerId'
  | 'currency'
  | 'paymentMethod'
  | 'reference'
  | 'from'
  | 'to'
  | 'q'
  | 'cancelled'
  | 'notCancelled'

/**
 * With a time range, the cheaper plan depends on the range: for one day in the past week, a page needs only a few rows
 * of orders_by_acceptance, whereas for the whole past year, it needs only the newest rows by primary key. A cached plan
 * would suit only its first caller, so the statement is compiled each time. Babelfish does not cache plans and ignores
 * the hint (babelfishpg_tsql.escape_hatch_query_hints).
 */
export function recompiledBetweenTimes(filters: ReadonlySet<string>): string {
  return filters.has('from') || filters.has('to') ? '\nOPTION (RECOMPILE)' : ''
}

function conditionsOf(alias: 'o' | 's', filters: ReadonlySet<ListFilter>): string[] {
  const words = alias === 'o' ? hasWords('order_words', 'order_seq') : hasWords('order_state_words', 'state_seq')
  const conditions: [ListFilter, string][] = [
    ['customerId', `${alias}.customer_id = @customerId`],
    // All collations, even binary ones, ignore trailing spaces, so the lengths are compared too.
    [
      'reference',
      `${alias}.reference = CAST(@reference AS NVARCHAR(200)) AND ` +
        `DATALENGTH(${alias}.reference) = DATALENGTH(CAST(@reference AS NVARCHAR(200)))`,
    ],
    ['from', `${alias}.accepted_at >= CAST(@from AS DATETIME2(3))`],
    ['to', `${alias}.accepted_at < CAST(@to AS DATETIME2(3))`],
    ['q', `${alias}.seq IN ${words}`],
    ['cancelled', 'o.cancelled_at IS NOT NULL'],
    ['notCancelled', 'o.cancelled_at IS NULL'],
  ]
  return conditions.flatMap(([name, condition]) => (filters.has(name) ? [condition] : []))
}

/**
 * Lists the newest orders first. Uses orders_by_reference, orders_by_customer or orders_by_currency. In
 * orders_by_currency, the entries for each pair of currency and payment method are sorted by `seq`. The statement
 * therefore reads a page for each pair, and takes the newest of the orders on all these pages. Without a filter, it
 * uses the primary key. With a time range, it uses either the primary key or orders_by_acceptance, whichever reads
 * less. For cancelled orders, it uses orders_cancelled instead of the primary key, orders_cancelled_by_customer instead
 * of orders_by_customer, and orders_cancelled_by_currency instead of orders_by_currency.
 */
export function selectStoredList(filters: ReadonlySet<ListFilter>): string {
  const conditions = ['o.seq < @before', ...conditionsOf('o', filters)]
  const currency = filters.has('currency')
  const method = filters.has('paymentMethod')
  const start = `${DECLARE_FOUND}${filters.has('q') ? DECLARE_WORDS : ''}INSERT INTO @found (seq, rank_class)`
  if (filters.has('customerId') || filters.has('reference') || (!currency && !method)) {
    const both = [
      ...conditions,
      ...(currency ? ['o.currency = CAST(@currency AS CHAR(3))'] : []),
      ...(method ? ['o.payment_method = CAST(@paymentMethod AS VARCHAR(20))'] : []),
    ]
    return `${start}
SELECT TOP (@limit) o.seq, 0 FROM orders AS o WHERE ${both.join(' AND ')} ORDER BY o.seq DESC${recompiledBetweenTimes(filters)};
${SELECT_STORED}`
  }
  const currencies = currency ? 'CAST(@currency AS CHAR(3))' : "'EUR'), ('USD'), ('GBP'"
  const methods = method
    ? 'CAST(@paymentMethod AS VARCHAR(20))'
    : "'PayPal'), ('Invoice'), ('OnlineBankTransfer'), ('CreditCard'), ('DirectDebit'"
  return `${start}
SELECT TOP (@limit) x.seq, 0
FROM (VALUES (${currencies})) AS c (currency)
CROSS JOIN (VALUES (${methods})) AS m (payment_method)
CROSS APPLY (
  SELECT TOP (@limit) o.seq
  FROM orders AS o
  WHERE o.currency = c.currency COLLATE Latin1_General_100_BIN2
    AND o.payment_method = m.payment_method COLLATE Latin1_General_100_BIN2 AND ${conditions.join(' AND ')}
  ORDER BY o.seq DESC
) AS x
ORDER BY x.seq DESC${recompiledBetweenTimes(filters)};
${SELECT_STORED}`
}

/**
 * Uses order_states_by_status or order_states_by_reference. These indexes are small, because they contain only orders
 * that are not stored.
 */
export function selectStateList(filters: ReadonlySet<ListFilter>): string {
  const conditions = [
    's.status = CAST(@status AS VARCHAR(20))',
    's.seq < @before',
    ...conditionsOf('s', filters),
    ...(filters.has('currency') ? ['s.currency = CAST(@currency AS VARCHAR(3))'] : []),
    ...(filters.has('paymentMethod') ? ['s.payment_method = CAST(@paymentMethod AS VARCHAR(20))'] : []),
  ]
  return `${DECLARE_FOUND}${filters.has('q') ? DECLARE_WORDS : ''}INSERT INTO @found (seq, rank_class)
SELECT TOP (@limit) s.seq, 0 FROM order_states AS s WHERE ${conditions.join(' AND ')} ORDER BY s.seq DESC${recompiledBetweenTimes(filters)};
${SELECT_STATES}`
}

/**
 * Matches fall into four classes, and those in the best class come first. In class 0, every word of the query is a
 * whole word of the customer's name; in class 1, every word is at least the beginning of a word of that name. In class
 * 2, every word of the query is a whole word somewhere in the order; in class 3, every word is at least the beginning
 * of a word in the order. An order's class depends on that order alone, so pages stay stable. Uses order_words_pk; the
 * cost grows with the number of orders that contain the words.
 */
export function selectSearch(namesOnly: boolean): string {
  return `${DECLARE_FOUND}${DECLARE_WORDS}
INSERT INTO @found (seq, rank_class)
SELECT TOP (@limit) r.order_seq, r.rank_class
FROM (
  SELECT m.order_seq, CASE
      WHEN MIN(m.name_whole) = 1 THEN 0
      WHEN MIN(m.name_begins) = 1 THEN 1
      WHEN MIN(m.any_whole) = 1 THEN 2
      ELSE 3
    END AS rank_class
  FROM (
    SELECT q.k, w.order_seq,
      MAX(CASE WHEN w.in_name = 1 AND w.word = q.word THEN 1 ELSE 0 END) AS name_whole,
      MAX(CASE WHEN w.in_name = 1 THEN 1 ELSE 0 END) AS name_begins,
      MAX(CASE WHEN w.word = q.word THEN 1 ELSE 0 END) AS any_whole
    FROM @words AS q
    JOIN order_words AS w ON w.word LIKE q.word + N'%'${namesOnly ? ' AND w.in_name = 1' : ''}
    GROUP BY q.k, w.order_seq
  ) AS m
  GROUP BY m.order_seq
  HAVING COUNT(*) = @wordCount
) AS r
WHERE r.rank_class > @rank OR (r.rank_class = @rank AND r.order_seq < @before)
ORDER BY r.rank_class, r.order_seq DESC;
${SELECT_STORED}`
}
