import { INSERT_AUDIT } from '../dead-letters/audit.ts'

/** Uses the unique index on change_id. */
export const SELECT_ORDER_OF_CHANGE = `
SELECT c.order_id FROM order_changes AS c WHERE c.change_id = CAST(@changeId AS UNIQUEIDENTIFIER);`

/**
 * Discards a waiting change, unless its order or an earlier change to that order is retrying or dead-lettered. A change
 * to a stored order may be decided at any moment, so it is discarded only if it cannot be decided (`@isUndecidable`).
 * Returns whether the change was discarded. Rows are locked before they are checked, in the order that locks.ts
 * defines. If an earlier event is being recorded at the same time, it is treated as if it had been recorded afterwards.
 */
export const DISCARD_CHANGE = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @change UNIQUEIDENTIFIER = CAST(@target AS UNIQUEIDENTIFIER), @order UNIQUEIDENTIFIER;
DECLARE @is_discarded BIT = 0;
SELECT @order = c.order_id FROM order_changes AS c WHERE c.change_id = @change;
BEGIN TRANSACTION;
UPDATE order_changes SET attempt = attempt WHERE change_id = @change;
UPDATE order_states SET attempt = attempt WHERE order_id = @order;
SELECT @is_discarded = 1
FROM order_changes AS c
WHERE c.change_id = @change AND c.state = 'waiting' AND c.turn IS NOT NULL
  AND (@isUndecidable = 1 OR NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = c.order_id))
  AND NOT EXISTS (SELECT 1 FROM order_states AS s WHERE s.order_id = c.order_id)
  AND NOT EXISTS (
    SELECT 1 FROM order_changes AS e
    WHERE e.order_id = c.order_id AND e.turn < c.turn AND e.state IN ('retrying', 'dead-lettered')
  );
IF @is_discarded = 1
BEGIN
  UPDATE order_changes SET state = 'discarded', updated_at = @time WHERE change_id = @change;
  INSERT INTO order_change_history (order_id, change_id, happened_at, kind, reason)
  VALUES (@order, @change, @time, 'discarded', @reason);${INSERT_AUDIT('discard-change')}
END;
COMMIT TRANSACTION;
SELECT @is_discarded AS is_discarded;`
