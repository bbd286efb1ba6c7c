import type { Act } from '../../../ports/redrives.ts'
import { int, text, type Parameters } from '../database/connection.ts'
import { cut, toSqlTime } from '../database/values.ts'

/** The record of operators' acts. The caller's statement declares @time; actParameters gives the rest. */
export const INSERT_AUDIT = (action: string) => `
  INSERT INTO audit (happened_at, action, target, operator, verified, reason)
  VALUES (@time, '${action}', @target, @operator, @verified, @reason);
`

/** Of an act that changes nothing in the store itself. */
export const RECORD_ACT = `
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
INSERT INTO audit (happened_at, action, target, operator, verified, reason)
VALUES (@time, @action, @target, @operator, @verified, @reason);
`

/**
 * Nothing happens to an order after it was stored. But what was sent may be stored before its sender comes to say so, by
 * a machine whose clock is a minute behind.
 */
export const NOT_STORED_BEFORE = (order: string) => `NOT EXISTS (
    SELECT 1 FROM orders AS o WHERE o.order_id = ${order} AND o.stored_at < DATEADD(SECOND, -60, @time)
  )`

const OPERATOR_UNITS = 400

/** What INSERT_AUDIT and histories need of an act. */
export function actParameters(target: string, { at, operator, verified, reason }: Act): Parameters {
  return {
    at: text(toSqlTime(at)),
    target: text(target),
    operator: text(cut(operator, OPERATOR_UNITS)),
    verified: int(verified ? 1 : 0),
    reason: text(reason),
  }
}
