import type { Maintenance } from '../../ports/maintenance.ts'
import { createInspection } from './database/inspect.ts'
import { createLedgerRepairs } from './ledger/ledger-repairs.ts'
import { createResetLedger } from './ledger/ledger-reset.ts'
import { actParameters, RECORD_ACT } from './dead-letters/audit.ts'
import { text } from './database/connection.ts'
import type { Query } from './database/query.ts'
import { createRebuildCommands } from './rebuild/rebuild.ts'
import { fromSqlTime } from './database/values.ts'

export const SELECT_SCHEMA = 'SELECT m.version, m.name, m.applied_at FROM schema_migrations AS m ORDER BY m.version;'

/** `migrate` only has to read the schema, because every query first waits until the tables have been migrated. */
export function createMaintenance(query: Query): Maintenance {
  return {
    ...createRebuildCommands(query),
    ...createLedgerRepairs(query),
    inspect: createInspection(query),
    resetLedger: createResetLedger(query),
    async recordAct(action, target, act) {
      await query(RECORD_ACT, { ...actParameters(target, act), action: text(action) })
    },
    async migrate() {
      const [rows = []] = await query(SELECT_SCHEMA)
      const migrations = rows.map((row) => ({
        version: Number(row['version']),
        name: String(row['name']),
        appliedAt: fromSqlTime(row['applied_at'] as Date),
      }))
      return { migrations }
    },
  }
}
