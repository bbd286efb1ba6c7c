import type { Act } from '../../../ports/redrives.ts'
import { int, text, type Parameters } from '../database/connection.ts'
import { cut, toSqlTime } from '../database/values.ts'

/** Records an operator's action. The caller's statement declares @time; actParameters returns the other parameters. */
export const INSERT_AUDIT = (action: string) => `
  INSERT INTO audit (happened_at, action, target, operator, verified, reason)
  VALUES (@time, '${action}', @target, @operator, @verified, @reason);
`

/** Records an action that changes nothing else in the store. */
export const RECORD_ACT = `
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
INSERT INTO audit (happened_at, action, target, operator, verified, reason)
VALUES (@time, @action, @target, @operator, @verified, @reason);
`

/**
 * The condition for adding an action to an order's history: the order was not stored before the action. However, a
 * redriven record may be stored before its sender reports it as sent, and the clock of the machine that stores it may
 * be up to a minute behind. An order therefore counts as stored before the action only if it was stored more than a
 * minute earlier.
 */
export const NOT_STORED_BEFORE = (order: string) => `NOT EXISTS (
    SELECT 1 FROM orders AS o WHERE o.order_id = ${order} AND o.stored_at < DATEADD(SECOND, -60, @time)
  )`

/** The same condition for a change: the change was neither applied nor rejected before the action. */
export const NOT_DECIDED_BEFORE = (change: string) => `NOT EXISTS (
    SELECT 1 FROM order_changes AS c
    WHERE c.change_id = ${change} AND c.state IN ('applied', 'rejected') AND c.updated_at < DATEADD(SECOND, -60, @time)
  )`

const OPERATOR_UNITS = 400

/** An action's parameters for INSERT_AUDIT and for the statements that write the histories. */
export function actParameters(target: string, { at, operator, verified, reason }: Act): Parameters {
  return {
    at: text(toSqlTime(at)),
    target: text(target),
    operator: text(cut(operator, OPERATOR_UNITS)),
    verified: int(verified ? 1 : 0),
    reason: text(reason),
  }
}
