import type { Maintenance } from '../../../ports/maintenance.ts'
import { bigint, text } from '../database/connection.ts'
import { actParameters, INSERT_AUDIT } from '../dead-letters/audit.ts'
import type { Query } from '../database/query.ts'
import { toGroup } from '../database/columns.ts'

/**
 * If two processes begin the first repair at the same time, the later statement violates the primary key, is retried,
 * and then finds the row of the earlier one.
 */
export const BEGIN_REPAIR = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @is_taken BIT = 0;
BEGIN TRANSACTION;
UPDATE ledger_repairs SET leased_until = leased_until WHERE group_id = @group;
SELECT @is_taken = CASE WHEN r.leased_until > @nowMs THEN 1 ELSE 0 END
FROM ledger_repairs AS r
WHERE r.group_id = @group;
IF @is_taken = 0
BEGIN
  DELETE FROM ledger_repairs WHERE group_id = @group;
  INSERT INTO ledger_repairs (group_id, lease_owner, leased_until) VALUES (@group, @owner, @nowMs + @leaseMs);
${INSERT_AUDIT('repair-ledger')}
END;
COMMIT TRANSACTION;
SELECT @is_taken AS is_taken;
`

export const END_REPAIR = 'DELETE FROM ledger_repairs WHERE group_id = @group AND lease_owner = @owner;'

export function createLedgerRepairs(query: Query): Pick<Maintenance, 'beginRepair' | 'endRepair'> {
  return {
    async beginRepair({ groupId, topic, owner, nowMs, leaseMs }, act) {
      const lease = { group: toGroup(groupId), owner: text(owner), nowMs: bigint(nowMs), leaseMs: bigint(leaseMs) }
      const [[row] = []] = await query(BEGIN_REPAIR, { ...actParameters(topic, act), ...lease })
      return row?.['is_taken'] === false
    },
    async endRepair(groupId, owner) {
      await query(END_REPAIR, { group: toGroup(groupId), owner: text(owner) })
    },
  }
}
