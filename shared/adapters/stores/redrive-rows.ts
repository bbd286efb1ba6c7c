import {
  tallyOf,
  type AuditEntry,
  type RedriveOutcome,
  type RedriveState,
  type RedriveTask,
} from '../../ports/redrives.ts'
import type { Conversions, Row } from './rows.ts'

interface TaskRow<Time> {
  readonly id: string
  readonly state: RedriveState
  readonly why: string | null
  readonly created_at: Time
  readonly updated_at: Time
  readonly operator: string
  readonly reason: string | null
  readonly rate_per_second: number
  readonly step: number
}

interface AuditRow<Time> extends Omit<AuditEntry, 'at' | 'verified'> {
  readonly happened_at: Time
  readonly verified: boolean | 0 | 1
}

/** Rows of redrive tasks and of the audit as the port returns them. */
export interface RedriveRows {
  readonly toTask: (task: Row, outcomes: readonly Row[]) => RedriveTask
  readonly toAuditEntry: (entry: Row) => AuditEntry
}

export function createRedriveRows<Time>({ fromTime }: Pick<Conversions<never, Time>, 'fromTime'>): RedriveRows {
  return {
    toTask(task, outcomes) {
      const row = task as unknown as TaskRow<Time>
      return {
        id: row.id,
        state: row.state,
        why: row.why,
        createdAt: fromTime(row.created_at),
        updatedAt: fromTime(row.updated_at),
        operator: row.operator,
        reason: row.reason,
        ratePerSecond: row.rate_per_second,
        step: row.step,
        ...tallyOf(outcomes as unknown as readonly RedriveOutcome[]),
      }
    },
    toAuditEntry(entry) {
      const { happened_at: at, action, target, operator, verified, reason } = entry as unknown as AuditRow<Time>
      return { at: fromTime(at), action, target, operator, verified: Boolean(verified), reason }
    },
  }
}
