import type { LedgerEpoch } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'
import { json, text } from './connection.ts'
import { actParameters } from './operator-commands.ts'
import { INSERT_AUDIT } from './operator-sql.ts'
import type { Query } from './query.ts'
import { GROUP_UNITS } from './store-batch-json.ts'
import { cut } from './values.ts'

/** The places of the earlier log mean other records now: what is said of them must not be said of these. */
export const RESET_LEDGER = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
DECLARE @time DATETIME2(3) = CAST(@at AS DATETIME2(3));
DECLARE @epoch TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  first_offset BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, log_partition)
);
INSERT INTO @epoch (topic, log_partition, first_offset, next_offset)
SELECT e.topic, e.log_partition, e.first_offset, e.next_offset
FROM OPENJSON(@epochs) WITH (
  topic NVARCHAR(249) '$.topic', log_partition INT '$.partition', first_offset BIGINT '$.first', next_offset BIGINT '$.next'
) AS e;
BEGIN TRANSACTION;
DELETE FROM ledger WHERE group_id = @group;
DELETE FROM ledger_gaps WHERE group_id = @group;
DELETE FROM ledger_logs WHERE group_id = @group;
DELETE FROM parked_records WHERE group_id = @group;
INSERT INTO ledger_logs (group_id, topic, log_id) VALUES (@group, @target, @logId);
INSERT INTO ledger (
  group_id, topic, log_partition, first_offset, next_offset, stored, duplicate, parked, gaps, redriven
)
SELECT @group, e.topic, e.log_partition, e.first_offset, e.next_offset, 0, 0, 0, e.next_offset - e.first_offset, 0
FROM @epoch AS e;
INSERT INTO ledger_gaps (group_id, topic, log_partition, since_offset, until_offset)
SELECT @group, e.topic, e.log_partition, e.first_offset, e.next_offset
FROM @epoch AS e
WHERE e.next_offset > e.first_offset;
${INSERT_AUDIT('reset-ledger')}
COMMIT TRANSACTION;
`

export async function resetLedger(
  query: Query,
  groupId: string,
  { topic, logId, partitions }: LedgerEpoch,
  act: Act,
): Promise<void> {
  await query(RESET_LEDGER, {
    ...actParameters(topic, act),
    group: text(cut(groupId, GROUP_UNITS)),
    epochs: json(partitions.map((partition) => ({ topic, ...partition }))),
    logId: text(logId),
  })
}
