import type { DatabaseSync } from 'node:sqlite'
import type { DeadLetterState } from '../../../ports/dead-letters.ts'
import type { Page } from '../../../ports/order-views.ts'
import type { AuditEntry, Redrives, RedriveState, RedriveTask } from '../../../ports/redrives.ts'
import { fromCursor, toCursor } from '../../../domain/cursor.ts'
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

interface OutcomeRow {
  /** Whether a step noted it for sending, and whether that is the last one. */
  readonly noted: 0 | 1
  readonly last: 0 | 1
  readonly state: DeadLetterState
  readonly letters: number
  readonly retrying: number
}

type Outcome = 'waiting' | 'pending' | 'resolved' | 'failed' | 'skipped'

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
      return toTask(row, selectOutcomes.all(row.step, row.task_seq) as unknown as OutcomeRow[])
    },
    list(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const rows = selectTaskIds.all(before, query.limit + 1) as unknown as Pick<TaskRow, 'task_seq' | 'id'>[]
      const page = rows.slice(0, query.limit)
      const last = page.at(-1)
      const hasMore = last !== undefined && rows.length > page.length
      return { items: page.map(({ id }) => id), nextCursor: hasMore ? toCursor(query, [last.task_seq]) : null }
    },
    audit(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      // By the primary key, or by audit_by_target.
      const filter = query.target === undefined ? '' : ' AND target = ?'
      const sql = `SELECT * FROM audit WHERE entry < ?${filter} ORDER BY entry DESC LIMIT ?`
      const parameters = query.target === undefined ? [before] : [before, query.target]
      const rows = statement(sql).all(...parameters, query.limit + 1) as unknown as AuditRow[]
      const page = rows.slice(0, query.limit)
      const last = page.at(-1)
      return {
        items: page.map(({ at, action, target, operator, verified, reason }) => ({
          at: fromMs(at),
          action,
          target,
          operator,
          verified: Boolean(verified),
          reason,
        })),
        nextCursor: last !== undefined && rows.length > page.length ? toCursor(query, [last.entry]) : null,
      }
    },
  }
}

function toTask(row: TaskRow, outcomes: readonly OutcomeRow[]): RedriveTask {
  const sum = (some: readonly OutcomeRow[], what: Outcome) =>
    some.filter((one) => outcomeOf(one) === what).reduce((total, { letters }) => total + letters, 0)
  const last = outcomes.filter((outcome) => outcome.last === 1)
  const lastPending = sum(last, 'pending')
  const lastFailed = sum(last, 'failed')
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
