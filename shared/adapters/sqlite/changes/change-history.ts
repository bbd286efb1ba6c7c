import type { DatabaseSync } from 'node:sqlite'
import type { Cause, HistoryKind } from '../../../domain/order-view.ts'
import type { ActInHistory } from '../dead-letters/audit.ts'
import { toMs } from '../database/values.ts'

/** Writes the history of changes. Ids are bytes, as in the tables. */
export interface ChangeHistory {
  tell(orderId: Uint8Array, changeId: Uint8Array, atMs: number, entry: ChangeEntry): void
  /** Adds the entry that says that the change was redriven, unless the change had already been decided. */
  tellRedriven(orderId: Uint8Array, changeId: Uint8Array, act: ActInHistory): void
}

interface ChangeEntry {
  readonly kind: HistoryKind
  readonly attempt?: number
  readonly nextAttemptAt?: number | null
  readonly cause?: Cause
  readonly reason?: string | null
  readonly version?: number
}

/**
 * A redriven change may be decided before its sender reports it as sent, and the clock of the machine that decides it
 * may be behind. A change therefore counts as decided before the redrive only if the decision precedes the redrive by
 * more than this many milliseconds.
 */
const CLOCK_SKEW_MS = 60_000

const INSERT = `
  INSERT INTO order_change_history (
    order_id, change_id, at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, version
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** Uses the unique index on change_id. */
const INSERT_REDRIVEN = `
  INSERT INTO order_change_history (order_id, change_id, at, kind, reason) SELECT ?1, ?2, ?3, 'redriven', ?4
  WHERE NOT EXISTS (SELECT 1 FROM order_changes
    WHERE change_id = ?2 AND state IN ('applied', 'rejected') AND updated_at < ?3 - ${CLOCK_SKEW_MS})`

export function prepareChangeHistory(db: DatabaseSync): ChangeHistory {
  const insert = db.prepare(INSERT)
  const insertRedriven = db.prepare(INSERT_REDRIVEN)
  return {
    tell(orderId, changeId, atMs, entry) {
      const { kind, attempt = null, nextAttemptAt = null, cause, reason = null, version = null } = entry
      const [code, detail] = [cause?.code ?? null, cause?.detail ?? null]
      insert.run(orderId, changeId, atMs, kind, attempt, nextAttemptAt, code, detail, reason, version)
    },
    tellRedriven(orderId, changeId, { at, reason }) {
      insertRedriven.run(orderId, changeId, toMs(at), reason)
    },
  }
}
