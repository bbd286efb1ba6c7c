import type { DatabaseSync } from 'node:sqlite'
import type { RepairLease } from '../../../ports/maintenance.ts'
import type { Act } from '../../../ports/redrives.ts'
import { inTransaction } from '../database/database.ts'
import { prepareAudit } from '../dead-letters/audit.ts'

export interface LedgerRepairs {
  beginRepair(lease: RepairLease, act: Act): boolean
  endRepair(groupId: string, owner: string): void
}

const TAKE = `
  INSERT INTO ledger_repairs VALUES (?1, ?2, ?3 + ?4)
  ON CONFLICT DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until WHERE leased_until <= ?3`
const LEAVE = 'DELETE FROM ledger_repairs WHERE group_id = ? AND owner = ?'

export function prepareLedgerRepairs(db: DatabaseSync): LedgerRepairs {
  const take = db.prepare(TAKE)
  const leave = db.prepare(LEAVE)
  const audit = prepareAudit(db)
  return {
    beginRepair: ({ groupId, topic, owner, nowMs, leaseMs }, act) =>
      inTransaction(db, () => {
        if (take.run(groupId, owner, nowMs, leaseMs).changes === 0) return false
        audit.record('repair-ledger', topic, act)
        return true
      }),
    endRepair(groupId, owner) {
      leave.run(groupId, owner)
    },
  }
}
