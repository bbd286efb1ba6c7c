/**
 * Each row is a change with its order's status and the order's first undecided change, because a change waits behind
 * either the order or that other change. One statement reads everything as of one moment. Uses the unique indexes on
 * order_id, and the index order_changes_undecided.
 */
const COLUMNS = `c.change_seq, c.turn, c.change_id, c.order_id, c.kind, c.state, c.event, c.accepted_at, c.updated_at, c.version,
  c.cause_code, c.cause_detail, c.next_attempt_at, CASE WHEN o.seq IS NULL THEN 0 ELSE 1 END AS is_stored,
  s.status AS order_status, f.change_id AS first_id, f.state AS first_state`
const JOINS = `LEFT JOIN orders AS o ON o.order_id = c.order_id
LEFT JOIN order_states AS s ON s.order_id = c.order_id
OUTER APPLY (
  SELECT TOP (1) u.change_id, u.state
  FROM order_changes AS u
  WHERE u.order_id = c.order_id AND u.state IN ('waiting', 'retrying', 'dead-lettered') AND u.turn IS NOT NULL
  ORDER BY u.turn
) AS f`

/** Changes to which no turn has been assigned yet come last. */
const POSITION = `COALESCE(c.turn, ${Number.MAX_SAFE_INTEGER})`

/** Uses order_changes_by_order. Reads the changes to the order, a page at a time. */
export const SELECT_CHANGES = `
SELECT TOP (@limit) ${COLUMNS}
FROM order_changes AS c
${JOINS}
WHERE c.order_id = CAST(@orderId AS UNIQUEIDENTIFIER)
  AND (${POSITION} > @after OR (${POSITION} = @after AND c.change_seq > @last))
ORDER BY ${POSITION}, c.change_seq;
`

/** Uses the unique index on change_id. */
export const SELECT_CHANGES_BY_IDS = `
SELECT ${COLUMNS}
FROM OPENJSON(@ids) WITH (change_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.change_id = i.change_id
${JOINS};
`

/** Uses order_changes_undecided. The three states repeat that index's own condition, so that the index can be used. */
export const COUNT_WAITING = `
SELECT c.order_id, COUNT(*) AS changes
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.order_id = i.order_id
WHERE c.state IN ('waiting', 'retrying', 'dead-lettered') AND c.state = 'waiting'
GROUP BY c.order_id;
`

/** Uses order_changes_by_idempotency_key and archived_changes_by_idempotency_key. */
export const SELECT_CHANGE_BY_KEY = `
SELECT c.change_id, c.body_hash, c.accepted_at
FROM order_changes AS c
WHERE c.idempotency_key_hash = CAST(@keyHash AS CHAR(64)) AND c.idempotency_key_hash IS NOT NULL
UNION ALL
SELECT t.change_id, t.body_hash, t.accepted_at
FROM archived_changes AS t
WHERE t.idempotency_key_hash = CAST(@keyHash AS CHAR(64)) AND t.idempotency_key_hash IS NOT NULL;
`
