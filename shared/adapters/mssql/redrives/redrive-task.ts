import { tallyOf, type RedriveOutcome, type RedriveState, type RedriveTask } from '../../../ports/redrives.ts'
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

/** Both SELECTs of SELECT_TASK. */
export function toTask(taskRow: Row, outcomeRows: readonly Row[]): RedriveTask {
  const row = taskRow as unknown as TaskRow
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
    ...tallyOf(outcomeRows as unknown as readonly RedriveOutcome[]),
  }
}
