import type { RepairLease } from '../../../ports/maintenance.ts'
import type { Act } from '../../../ports/redrives.ts'
import { bigint, text } from '../database/connection.ts'
import { actParameters, INSERT_AUDIT } from '../dead-letters/audit.ts'
import type { Query } from '../database/query.ts'
import { GROUP_UNITS } from '../orders/store-batch-json.ts'
import { cut } from '../database/values.ts'

/** Of two that begin the very first one, the second fails by the primary key, comes again and finds the first. */
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

export async function beginRepair(query: Query, lease: RepairLease, act: Act): Promise<boolean> {
  const [[row] = []] = await query(BEGIN_REPAIR, {
    ...actParameters(lease.topic, act),
    group: text(cut(lease.groupId, GROUP_UNITS)),
    owner: text(lease.owner),
    nowMs: bigint(lease.nowMs),
    leaseMs: bigint(lease.leaseMs),
  })
  return row?.['is_taken'] === false
}

export async function endRepair(query: Query, groupId: string, owner: string): Promise<void> {
  await query(END_REPAIR, { group: text(cut(groupId, GROUP_UNITS)), owner: text(owner) })
}
