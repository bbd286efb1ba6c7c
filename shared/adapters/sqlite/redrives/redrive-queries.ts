import type { DatabaseSync } from 'node:sqlite'
import type { Page } from '../../../ports/order-views.ts'
import type { AuditEntry, Redrives, RedriveTask } from '../../../ports/redrives.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import { createStatements } from '../database/database.ts'
import { createRedriveRows } from '../../stores/redrive-rows.ts'
import { CONVERSIONS } from '../database/values.ts'

export interface RedriveQueries {
  getRedrive(taskId: string): RedriveTask | undefined
  /** The ids of the tasks on a page. */
  listRedrives(query: Parameters<Redrives['list']>[0]): Page<string>
  audit(query: Parameters<Redrives['audit']>[0]): Page<AuditEntry>
}

/** A task that is being removed (port Retention) is not shown. Uses the unique index on the id. */
const TASK = 'SELECT * FROM redrive_tasks WHERE id = ? AND removed_at IS NULL'
/** Uses the primary key. */
const TASK_IDS = `
  SELECT task_seq, id FROM redrive_tasks WHERE task_seq < ? AND removed_at IS NULL ORDER BY task_seq DESC LIMIT ?`
/** Uses the primary keys of redrive_letters and dead_letters. The cost grows with the number of letters in the task. */
const OUTCOMES = `
  SELECT r.step IS NOT NULL AS noted, r.step IS ? AS last, d.state, count(*) AS letters,
    sum(d.state = 'redriven' AND CASE WHEN d.change_id IS NULL
      THEN EXISTS (SELECT 1 FROM order_states s WHERE s.order_id = d.order_id AND s.status = 'retrying')
      ELSE EXISTS (SELECT 1 FROM order_changes c WHERE c.change_id = d.change_id AND c.state = 'retrying') END) AS retrying
  FROM redrive_letters r JOIN dead_letters d ON d.kept_seq = r.kept_seq
  WHERE r.task_seq = ? GROUP BY 1, 2, 3`

const { toTask, toAuditEntry } = createRedriveRows(CONVERSIONS)

export function prepareRedriveQueries(db: DatabaseSync): RedriveQueries {
  const selectTask = db.prepare(TASK)
  const selectTaskIds = db.prepare(TASK_IDS)
  const selectOutcomes = db.prepare(OUTCOMES)
  const statement = createStatements(db)

  return {
    getRedrive(taskId) {
      const row = selectTask.get(taskId)
      return row && toTask(row, selectOutcomes.all(Number(row['step']), Number(row['task_seq'])))
    },
    listRedrives(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const rows = selectTaskIds.all(before, query.limit + 1)
      return toPage(
        query,
        rows,
        ({ id }) => String(id),
        (last) => [Number(last['task_seq'])],
      )
    },
    audit(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      // Uses the primary key or audit_by_target.
      const filter = query.target === undefined ? '' : ' AND target = ?'
      const sql = `SELECT *, at AS happened_at FROM audit WHERE entry < ?${filter} ORDER BY entry DESC LIMIT ?`
      const parameters = query.target === undefined ? [before] : [before, query.target]
      const rows = statement(sql).all(...parameters, query.limit + 1)
      return toPage(query, rows, toAuditEntry, (last) => [Number(last['entry'])])
    },
  }
}
