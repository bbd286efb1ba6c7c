import type { DatabaseSync } from 'node:sqlite'
import type { Page } from '../../../ports/order-views.ts'
import {
  tallyOf,
  type AuditEntry,
  type RedriveOutcome,
  type Redrives,
  type RedriveState,
  type RedriveTask,
} from '../../../ports/redrives.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import { createStatements } from '../database/database.ts'
import { fromMs } from '../database/values.ts'

export interface RedriveQueries {
  get(taskId: string): RedriveTask | undefined
  /** The ids of a page of tasks. */
  list(query: Parameters<Redrives['list']>[0]): Page<string>
  audit(query: Parameters<Redrives['audit']>[0]): Page<AuditEntry>
}

/** By the task's unique id. */
const TASK = 'SELECT * FROM redrive_tasks WHERE id = ?'
/** By the primary key. */
const TASK_IDS = 'SELECT task_seq, id FROM redrive_tasks WHERE task_seq < ? ORDER BY task_seq DESC LIMIT ?'
/** By the primary keys of redrive_letters and dead_letters: it costs what the task has letters. */
const OUTCOMES = `
  SELECT r.step IS NOT NULL AS noted, r.step IS ? AS last, d.state, count(*) AS letters,
    sum(d.state = 'redriven' AND EXISTS (
      SELECT 1 FROM order_states s WHERE s.order_id = d.order_id AND s.status = 'retrying')) AS retrying
  FROM redrive_letters r JOIN dead_letters d ON d.kept_seq = r.kept_seq
  WHERE r.task_seq = ? GROUP BY 1, 2, 3`

interface TaskRow {
  readonly task_seq: number
  readonly id: string
  readonly state: RedriveState
  readonly why: string | null
  readonly created_at: number
  readonly updated_at: number
  readonly operator: string
  readonly reason: string | null
  readonly rate_per_second: number
  readonly step: number
}

interface AuditRow extends Omit<AuditEntry, 'at' | 'verified'> {
  readonly entry: number
  readonly at: number
  readonly verified: 0 | 1
}

export function prepareRedriveQueries(db: DatabaseSync): RedriveQueries {
  const selectTask = db.prepare(TASK)
  const selectTaskIds = db.prepare(TASK_IDS)
  const selectOutcomes = db.prepare(OUTCOMES)
  const statement = createStatements(db)

  return {
    get(taskId) {
      const row = selectTask.get(taskId) as unknown as TaskRow | undefined
      if (row === undefined) return undefined
      return toTask(row, selectOutcomes.all(row.step, row.task_seq) as unknown as RedriveOutcome[])
    },
    list(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const rows = selectTaskIds.all(before, query.limit + 1) as unknown as Pick<TaskRow, 'task_seq' | 'id'>[]
      return toPage(
        query,
        rows,
        ({ id }) => id,
        (last) => [last.task_seq],
      )
    },
    audit(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      // By the primary key, or by audit_by_target.
      const filter = query.target === undefined ? '' : ' AND target = ?'
      const sql = `SELECT * FROM audit WHERE entry < ?${filter} ORDER BY entry DESC LIMIT ?`
      const parameters = query.target === undefined ? [before] : [before, query.target]
      const rows = statement(sql).all(...parameters, query.limit + 1) as unknown as AuditRow[]
      return toPage(query, rows, toAuditEntry, (last) => [last.entry])
    },
  }
}

function toAuditEntry({ at, action, target, operator, verified, reason }: AuditRow): AuditEntry {
  return { at: fromMs(at), action, target, operator, verified: verified === 1, reason }
}

function toTask(row: TaskRow, outcomes: readonly RedriveOutcome[]): RedriveTask {
  return {
    id: row.id,
    state: row.state,
    why: row.why,
    createdAt: fromMs(row.created_at),
    updatedAt: fromMs(row.updated_at),
    operator: row.operator,
    reason: row.reason,
    ratePerSecond: row.rate_per_second,
    step: row.step,
    ...tallyOf(outcomes),
  }
}
