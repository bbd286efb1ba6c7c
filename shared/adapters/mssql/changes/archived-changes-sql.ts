/** The condition that the rows with these aliases come from the same record. */
export const isOfPlace = (row: string, record: string) =>
  `${row}.origin_topic = ${record}.topic AND ${row}.origin_partition = ${record}.log_partition
        AND ${row}.origin_offset = ${record}.log_offset`

/**
 * The part of JUDGE_CHANGES (order-changes-sql.ts) that deals with archived orders, for one round. An archived change
 * keeps its outcome. Any other change to an archived order is rejected. If nothing is archived, each change costs only
 * seeks in empty tables.
 */
export const JUDGE_ARCHIVED = `
  IF EXISTS (SELECT 1 FROM archived_orders AS t JOIN @changes AS c ON c.order_id = t.order_id)
    OR EXISTS (SELECT 1 FROM archived_changes AS t JOIN @changes AS c ON c.change_id = t.change_id)
  BEGIN
    UPDATE c
    SET is_archived = 1
    FROM @changes AS c
    JOIN archived_orders AS t ON t.order_id = c.order_id
    WHERE c.round = @change_round;
    UPDATE c
    SET seen_state = t.state, seen_attempt = 0,
      is_id_reused = CASE WHEN t.order_id <> c.order_id OR t.body_hash <> c.body_hash THEN 1 ELSE 0 END,
      is_same_record = CASE WHEN ${isOfPlace('t', 'c')} THEN 1 ELSE 0 END
    FROM @changes AS c
    JOIN archived_changes AS t ON t.change_id = c.change_id
    WHERE c.round = @change_round;
  END;
  IF EXISTS (SELECT 1 FROM @changes AS c WHERE c.round = @change_round AND c.idempotency_key_hash IS NOT NULL)
    UPDATE c
    SET is_key_taken = 1
    FROM @changes AS c
    JOIN archived_changes AS t ON t.idempotency_key_hash = c.idempotency_key_hash AND t.idempotency_key_hash IS NOT NULL
    WHERE c.round = @change_round AND t.change_id <> c.change_id;

`
