import type { DatabaseSync } from 'node:sqlite'
import type { LedgerEpoch } from '../../ports/maintenance.ts'
import type { Act, AuditEntry } from '../../ports/redrives.ts'
import { inTransaction } from './database.ts'
import { prepareOperatorRows } from './operator-rows.ts'

export interface LedgerReset {
  resetLedger(groupId: string, epoch: LedgerEpoch, act: Act): void
  recordAct(action: AuditEntry['action'], target: string, act: Act): void
}

/** The places of the earlier log mean other records now: what is said of them must not be said of these. */
const FORGET = ['ledger', 'ledger_gaps', 'ledger_logs', 'parked_records'].map(
  (table) => `DELETE FROM ${table} WHERE group_id = ?`,
)
const INSERT = 'INSERT INTO ledger VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, 0, 0, 0)'
const INSERT_LOG = 'INSERT INTO ledger_logs VALUES (?, ?, ?, NULL)'
const INSERT_GAP = 'INSERT INTO ledger_gaps VALUES (?, ?, ?, ?, ?, NULL)'

export function prepareLedgerReset(db: DatabaseSync): LedgerReset {
  const forget = FORGET.map((sql) => db.prepare(sql))
  const insert = db.prepare(INSERT)
  const insertLog = db.prepare(INSERT_LOG)
  const insertGap = db.prepare(INSERT_GAP)
  const operators = prepareOperatorRows(db)
  return {
    resetLedger(groupId, epoch, act) {
      inTransaction(db, () => {
        for (const statement of forget) statement.run(groupId)
        const { topic } = epoch
        insertLog.run(groupId, topic, epoch.logId)
        for (const { partition, first, next } of epoch.partitions) {
          insert.run(groupId, topic, partition, first, next, next - first)
          if (next > first) insertGap.run(groupId, topic, partition, first, next)
        }
        operators.audit('reset-ledger', topic, act)
      })
    },
    recordAct: (action, target, act) => operators.audit(action, target, act),
  }
}
