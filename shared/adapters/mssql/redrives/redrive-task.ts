import type { DeadLetterState } from '../../../ports/dead-letters.ts'
import type { RedriveState, RedriveTask } from '../../../ports/redrives.ts'
import type { Row } from '../database/connection.ts'
import { fromSqlTime } from '../database/values.ts'

interface TaskRow {
  readonly id: string
  readonly state: RedriveState
  readonly why: string | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly operator: string
  readonly reason: string | null
  readonly rate_per_second: number
  readonly step: number
}

interface OutcomeRow {
  /** Whether a step noted it for sending, and whether that is the last one. */
  readonly noted: 0 | 1
  readonly last: 0 | 1
  readonly state: DeadLetterState
  readonly letters: number
  readonly retrying: number
}

type Outcome = 'waiting' | 'pending' | 'resolved' | 'failed' | 'skipped'

/** Both SELECTs of SELECT_TASK. */
export function toTask(taskRow: Row, outcomeRows: readonly Row[]): RedriveTask {
  const row = taskRow as unknown as TaskRow
  const outcomes = outcomeRows as unknown as readonly OutcomeRow[]
  const sum = (some: readonly OutcomeRow[], what: Outcome) =>
    some.filter((one) => outcomeOf(one) === what).reduce((total, { letters }) => total + letters, 0)
  const last = outcomes.filter((outcome) => outcome.last === 1)
  const lastPending = sum(last, 'pending')
  const lastFailed = sum(last, 'failed')
  return {
    id: row.id,
    state: row.state,
    why: row.why,
    createdAt: fromSqlTime(row.created_at),
    updatedAt: fromSqlTime(row.updated_at),
    operator: row.operator,
    reason: row.reason,
    ratePerSecond: row.rate_per_second,
    step: row.step,
    total: outcomes.reduce((total, { letters }) => total + letters, 0),
    waiting: sum(outcomes, 'waiting'),
    pending: sum(outcomes, 'pending'),
    resolved: sum(outcomes, 'resolved'),
    failed: sum(outcomes, 'failed'),
    skipped: sum(outcomes, 'skipped'),
    lastStep: {
      sent: lastPending + lastFailed + sum(last, 'resolved'),
      pending: lastPending,
      retrying: last.reduce((total, { retrying }) => total + retrying, 0),
      failed: lastFailed,
    },
  }
}

/** A letter that was noted and is `dead` was not sent: its process died, or does it just now. */
function outcomeOf({ noted, state }: OutcomeRow): Outcome {
  if (state === 'dead') return 'waiting'
  if (noted === 0 || state === 'discarded') return 'skipped'
  return ({ redriven: 'pending', resolved: 'resolved', superseded: 'failed' } as const)[state]
}
