/**
 * Parts of the statements that store orders, changes and letters. Each part looks for forgotten customers' data, after
 * the statement has taken its locks and before it writes anything. If such data is found, the statement rolls back its
 * transaction and returns the orders or letters concerned. The caller removes the data by the domain's own rules and
 * sends the rest again (forgotten-customers.ts). As long as nobody has been forgotten, this costs one lookup in an
 * empty table.
 *
 * FORGET (forget-customer-sql.ts) locks every partition before it marks the customer as forgotten. A statement that
 * locked its partition earlier has committed by then, so FORGET finds its rows. A statement that locks its partition
 * afterwards will find the mark.
 */

/** A condition that is true if the JSON of an order or a change lacks the mark for removed personal data. */
export const isUnmarked = (json: string) => `JSON_VALUE(${json}, '$.forgotten') IS NULL`

/**
 * A condition that is true if an order was accepted before its customer was forgotten, or if the time of acceptance is
 * unknown. `f` is the customer's row.
 */
const isBefore = (acceptedAt: string) => `(${acceptedAt} IS NULL OR ${acceptedAt} <= f.forgotten_at)`

/** A condition that is true if the store has the order or its tombstone, and the order's customer was forgotten. */
export const isForgottenOrder = (order: string) => `(
      EXISTS (SELECT 1 FROM orders AS k WHERE k.order_id = ${order} AND k.forgotten = 1)
      OR EXISTS (
        SELECT 1 FROM order_states AS s
        WHERE s.order_id = ${order} AND s.order_json IS NOT NULL AND NOT (${isUnmarked('s.order_json')})
      )
      OR EXISTS (
        SELECT 1
        FROM archived_orders AS a
        JOIN forgotten_customers AS f ON f.customer_id = a.customer_id
        WHERE a.order_id = ${order} AND ${isBefore('a.accepted_at')}
      )
    )`

/** If `found` has rows, rolls back, returns them and ends the statement. */
const giveBack = (found: string, columns: string) => `
IF EXISTS (SELECT 1 FROM ${found})
BEGIN
  ROLLBACK TRANSACTION;
  SELECT ${columns} FROM ${found} AS f;
  RETURN;
END;
`

export const DECLARE_FORGOTTEN = `
DECLARE @forgotten TABLE (order_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY);
DECLARE @stored_changes TABLE (change_id UNIQUEIDENTIFIER NOT NULL PRIMARY KEY, event NVARCHAR(MAX) NOT NULL);
`

const MARKED = `
    SELECT o.order_id FROM @orders AS o WHERE o.forgotten = 1
    UNION
    SELECT p.order_id FROM @parked AS p WHERE p.forgotten = 1`

/**
 * The forgotten orders whose changes in the batch still contain personal data. An order is forgotten if the store says
 * so, or if it arrives without personal data in the same batch.
 */
export const OF_CHANGES = `
  UNION
  SELECT c.order_id
  FROM @changes AS c
  WHERE c.event IS NOT NULL AND ${isUnmarked('c.event')}
    AND (c.order_id IN (${MARKED}
    ) OR ${isForgottenOrder('c.order_id')})`

/**
 * Looks for personal data of forgotten customers in the orders and failures in a batch. If an order in the batch has no
 * personal data, also looks in the changes to that order that are already stored. The caller passes such changes,
 * without their personal data, in `storedChanges`. The JSON of these changes is passed as array elements, for the
 * reason given in order-changes-sql.ts.
 */
export const lookForForgotten = (more = '') => `
IF @preview = 0 AND EXISTS (SELECT 1 FROM forgotten_customers)
BEGIN
  INSERT INTO @stored_changes (change_id, event)
  SELECT c.change_id, e.value
  FROM OPENJSON(@batch, '$.storedChanges') WITH (n INT '$[0]', change_id UNIQUEIDENTIFIER '$[1]') AS c
  JOIN OPENJSON(@batch, '$.storedEvents') AS e ON CAST(e.[key] AS INT) = c.n;

  INSERT INTO @forgotten (order_id)
  SELECT o.order_id
  FROM @orders AS o
  JOIN forgotten_customers AS f ON f.customer_id = o.customer_id
  WHERE o.forgotten IS NULL AND ${isBefore('o.accepted_at')}
  UNION
  SELECT p.order_id
  FROM @parked AS p
  JOIN forgotten_customers AS f ON f.customer_id = p.customer_id
  WHERE p.order_id IS NOT NULL AND p.forgotten IS NULL AND ${isBefore('p.accepted_at')}
  UNION
  SELECT c.order_id
  FROM order_changes AS c
  WHERE c.order_id IN (${MARKED}
  ) AND c.event IS NOT NULL AND ${isUnmarked('c.event')}
    AND NOT EXISTS (SELECT 1 FROM @stored_changes AS x WHERE x.change_id = c.change_id)${more};
END;
${giveBack('@forgotten', 'f.order_id AS forgotten_order')}`

export const FORGET_STORED_CHANGES = `
IF EXISTS (SELECT 1 FROM @stored_changes)
  UPDATE c
  SET event = x.event
  FROM order_changes AS c WITH (FORCESEEK)
  JOIN @stored_changes AS x ON x.change_id = c.change_id;
`

/**
 * Locks the single row of `forgetting`. Every transaction that stores letters, begins or resets a ledger, or forgets a
 * customer locks this row. The partitions' locks would not suffice, because a letter may belong to another consumer or
 * to a partition that the ledger does not know, and because FORGET cannot lock a partition that is still being added.
 */
export const LOCK_FORGETTING = `
UPDATE forgetting SET last_at = last_at WHERE only_row = 1;`

/**
 * Looks for letters that name a forgotten customer or belong to a forgotten order. Uses the primary key and the unique
 * indexes on order_id.
 */
export const LOOK_FOR_LETTERS = `
DECLARE @forgotten_letters TABLE (i INT NOT NULL PRIMARY KEY);
IF EXISTS (SELECT 1 FROM forgotten_customers)
  INSERT INTO @forgotten_letters (i)
  SELECT x.i
  FROM OPENJSON(@batch, '$.letters') WITH (
    i INT '$.i', order_id UNIQUEIDENTIFIER '$.orderId', customer_id BIGINT '$.customerId',
    accepted_at DATETIME2(3) '$.acceptedAt', forgotten BIT '$.forgotten'
  ) AS x
  LEFT JOIN forgotten_customers AS f ON f.customer_id = x.customer_id AND ${isBefore('x.accepted_at')}
  WHERE x.forgotten IS NULL AND (f.customer_id IS NOT NULL OR ${isForgottenOrder('x.order_id')});
${giveBack('@forgotten_letters', 'f.i AS forgotten_letter')}`

/** Looks for the orders of forgotten customers among those that are being restored from an archive. */
export const LOOK_FOR_ARCHIVED = `
DECLARE @forgotten_orders TABLE (i INT NOT NULL PRIMARY KEY);
IF EXISTS (SELECT 1 FROM forgotten_customers)
  INSERT INTO @forgotten_orders (i)
  SELECT x.i
  FROM OPENJSON(@batch, '$.orders') WITH (
    i INT '$.i', customer_id BIGINT '$.customerId', accepted_at DATETIME2(3) '$.acceptedAt', forgotten BIT '$.forgotten'
  ) AS x
  JOIN forgotten_customers AS f ON f.customer_id = x.customer_id
  WHERE x.forgotten IS NULL AND ${isBefore('x.accepted_at')};
${giveBack('@forgotten_orders', 'f.i AS forgotten_order')}`

/** The changes to these orders that still have personal data. Uses order_changes_by_order. */
export const SELECT_EVENTS = `
SELECT c.order_id, c.change_id, c.state, c.event
FROM OPENJSON(@ids) WITH (order_id UNIQUEIDENTIFIER '$') AS i
JOIN order_changes AS c ON c.order_id = i.order_id
WHERE c.event IS NOT NULL AND ${isUnmarked('c.event')};
`
