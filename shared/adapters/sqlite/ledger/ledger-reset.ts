import type { DatabaseSync } from 'node:sqlite'
import type { LedgerEpoch } from '../../../ports/maintenance.ts'
import type { Act, AuditEntry } from '../../../ports/redrives.ts'
import { inTransaction } from '../database/database.ts'
import { prepareAudit } from '../dead-letters/audit.ts'

export interface LedgerReset {
  /**
   * One step of a reset. The caller repeats it until `isDone` is true; the last step begins the new epoch. A reset that
   * stops halfway leaves the old epoch in force with part of its history deleted, and the next reset continues from
   * there.
   */
  resetLedger(groupId: string, epoch: LedgerEpoch, act: Act, limit?: number): { readonly isDone: boolean }
  recordAct(action: AuditEntry['action'], target: string, act: Act): void
}

/** The number of rows deleted in one step. Between steps, the writer can store a batch. */
const FORGOTTEN_AT_ONCE = 5000

/** In the new log, the same positions hold other records, so everything known about these positions is deleted. */
const FORGET_PARKED = `
  DELETE FROM parked_records WHERE group_id = ?1 AND (topic, partition, record_offset) IN (
    SELECT topic, partition, record_offset FROM parked_records WHERE group_id = ?1 LIMIT ?2)`
const FORGET_GAPS = `
  DELETE FROM ledger_gaps WHERE group_id = ?1 AND (topic, partition, since) IN (
    SELECT topic, partition, since FROM ledger_gaps WHERE group_id = ?1 LIMIT ?2)`
/** These tables have few rows: one for each partition or topic. */
const FORGET_EPOCH = ['ledger', 'ledger_logs'].map((table) => `DELETE FROM ${table} WHERE group_id = ?`)
const INSERT = 'INSERT INTO ledger VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, 0, 0, 0)'
const INSERT_LOG = 'INSERT INTO ledger_logs VALUES (?, ?, ?, NULL)'
const INSERT_GAP = 'INSERT INTO ledger_gaps VALUES (?, ?, ?, ?, ?, NULL)'

export function prepareLedgerReset(db: DatabaseSync): LedgerReset {
  const forgetParked = db.prepare(FORGET_PARKED)
  const forgetGaps = db.prepare(FORGET_GAPS)
  const forgetEpoch = FORGET_EPOCH.map((sql) => db.prepare(sql))
  const insert = db.prepare(INSERT)
  const insertLog = db.prepare(INSERT_LOG)
  const insertGap = db.prepare(INSERT_GAP)
  const audit = prepareAudit(db)
  return {
    resetLedger(groupId, epoch, act, limit = FORGOTTEN_AT_ONCE) {
      return inTransaction(db, () => {
        if (forgetParked.run(groupId, limit).changes === limit) return { isDone: false }
        if (forgetGaps.run(groupId, limit).changes === limit) return { isDone: false }
        for (const statement of forgetEpoch) statement.run(groupId)
        const { topic } = epoch
        insertLog.run(groupId, topic, epoch.logId)
        for (const { partition, first, next } of epoch.partitions) {
          insert.run(groupId, topic, partition, first, next, next - first)
          if (next > first) insertGap.run(groupId, topic, partition, first, next)
        }
        audit.record('reset-ledger', topic, act)
        return { isDone: true }
      })
    },
    recordAct: (action, target, act) => audit.record(action, target, act),
  }
}
