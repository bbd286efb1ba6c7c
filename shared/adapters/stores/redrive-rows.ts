import { tallyOf, type AuditEntry, type RedriveOutcome, type RedriveTask } from '../../ports/redrives.ts'
import type { Conversions, Row } from './rows.ts'

interface TaskRow<Time> extends Pick<RedriveTask, 'id' | 'state' | 'why' | 'operator' | 'reason' | 'step'> {
  readonly created_at: Time
  readonly updated_at: Time
  readonly rate_per_second: number
}

interface AuditRow<Time> extends Omit<AuditEntry, 'at' | 'verified'> {
  readonly happened_at: Time
  readonly verified: boolean | 0 | 1
}

/** Converts the rows of redrive tasks and of audit entries to the port's types. */
export interface RedriveRows {
  readonly toTask: (task: Row, outcomes: readonly Row[]) => RedriveTask
  readonly toAuditEntry: (entry: Row) => AuditEntry
}

export function createRedriveRows<Time>({ fromTime }: Pick<Conversions<never, Time>, 'fromTime'>): RedriveRows {
  return {
    toTask(task, outcomes) {
      const row = task as unknown as TaskRow<Time>
      const { id, state, why, operator, reason, step, rate_per_second: ratePerSecond } = row
      const times = { createdAt: fromTime(row.created_at), updatedAt: fromTime(row.updated_at) }
      const tally = tallyOf(outcomes as unknown as readonly RedriveOutcome[])
      return { id, state, why, ...times, operator, reason, ratePerSecond, step, ...tally }
    },
    toAuditEntry(entry) {
      const { happened_at: at, action, target, operator, verified, reason } = entry as unknown as AuditRow<Time>
      return { at: fromTime(at), action, target, operator, verified: Boolean(verified), reason }
    },
  }
}
