import type { DatabaseSync } from 'node:sqlite'
import type { Act, AuditEntry } from '../../../ports/redrives.ts'
import { toMs } from '../database/values.ts'

/** The audit of operators' actions, and the entries that these actions add to orders' histories. */
export interface Audit {
  record(action: AuditEntry['action'], target: string, act: Act): void
  /** Adds an entry to the order's history, unless the order was stored before the action. */
  tell(orderId: Uint8Array | null, kind: 'redriven' | 'edited' | 'discarded' | 'restored', act: ActInHistory): void
}

export type ActInHistory = Pick<Act, 'at' | 'reason'>

/**
 * An action adds nothing to the history of an order that was stored before the action. But a redriven record may be
 * stored before its sender reports it as sent, and the clock of the machine that stores it may be behind. An order
 * therefore counts as stored before the action only if it was stored more than CLOCK_SKEW_MS earlier.
 */
const CLOCK_SKEW_MS = 60_000

const INSERT_AUDIT = 'INSERT INTO audit (at, action, target, operator, verified, reason) VALUES (?, ?, ?, ?, ?, ?)'
/** Uses the unique index on order_id. */
const INSERT_HISTORY = `
  INSERT INTO order_history (order_id, at, kind, reason) SELECT ?1, ?2, ?3, ?4
  WHERE NOT EXISTS (SELECT 1 FROM orders WHERE order_id = ?1 AND stored_at < ?2 - ${CLOCK_SKEW_MS})`

export function prepareAudit(db: DatabaseSync): Audit {
  const insertAudit = db.prepare(INSERT_AUDIT)
  const insertHistory = db.prepare(INSERT_HISTORY)
  return {
    record(action, target, { at, operator, verified, reason }) {
      insertAudit.run(toMs(at), action, target, operator, verified ? 1 : 0, reason)
    },
    tell(orderId, kind, { at, reason }) {
      if (orderId !== null) insertHistory.run(orderId, toMs(at), kind, reason)
    },
  }
}
