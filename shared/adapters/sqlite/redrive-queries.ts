import type { DatabaseSync } from 'node:sqlite'
import { deadLetterId, type KeptDeadLetter } from '../../ports/dead-letters.ts'
import type { Page } from '../../ports/order-views.ts'
import type { AuditEntry, Redrives, RedriveState, RedriveTask } from '../../ports/redrives.ts'
import { fromCursor, toCursor } from './cursor.ts'
import { createStatements } from './database.ts'
import { prepareDeadLetterQueries } from './dead-letter-queries.ts'
import { fromMs } from './values.ts'

export interface RedriveQueries {
  get(taskId: string): RedriveTask | undefined
  nextLetters(taskId: string, limit: number): readonly KeptDeadLetter[]
  audit(query: Parameters<Redrives['audit']>[0]): Page<AuditEntry>
}

/** By the task's unique id. */
const TASK = 'SELECT * FROM redrive_tasks WHERE id = ?'
/** By the primary keys of redrive_letters and dead_letters: it costs what the task has letters. */
const OUTCOMES = `
  SELECT r.step IS NOT NULL AS sent, r.step = ? AS last, d.state, count(*) AS letters,
    sum(EXISTS (SELECT 1 FROM order_states s WHERE s.order_id = d.order_id AND s.status = 'retrying')) AS retrying
  FROM redrive_letters r JOIN dead_letters d ON d.kept_seq = r.kept_seq
  WHERE r.task_seq = ? GROUP BY 1, 2, 3`
/** By the primary keys, from the task's first letter on. */
const NEXT = `
  SELECT d.topic, d.partition, d.record_offset FROM redrive_letters r JOIN dead_letters d ON d.kept_seq = r.kept_seq
  WHERE r.task_seq = (SELECT task_seq FROM redrive_tasks WHERE id = ?) AND r.step IS NULL AND d.state = 'dead'
  ORDER BY r.kept_seq LIMIT ?`

interface TaskRow {
  readonly task_seq: number
  readonly id: string
  readonly state: RedriveState
  readonly why: string | null
  readonly created_at: number
  readonly updated_at: number
  readonly operator: string
  readonly rate_per_second: number
  readonly step: number
}

interface OutcomeRow {
  readonly sent: 0 | 1
  readonly last: 0 | 1 | null
  readonly state: string
  readonly letters: number
  readonly retrying: number
}

interface AuditRow extends Omit<AuditEntry, 'at' | 'verified'> {
  readonly entry: number
  readonly at: number
  readonly verified: 0 | 1
}

export function prepareRedriveQueries(db: DatabaseSync): RedriveQueries {
  const selectTask = db.prepare(TASK)
  const selectOutcomes = db.prepare(OUTCOMES)
  const selectNext = db.prepare(NEXT)
  const letters = prepareDeadLetterQueries(db)
  const statement = createStatements(db)

  return {
    get(taskId) {
      const row = selectTask.get(taskId) as unknown as TaskRow | undefined
      if (row === undefined) return undefined
      return toTask(row, selectOutcomes.all(row.step, row.task_seq) as unknown as OutcomeRow[])
    },
    nextLetters(taskId, limit) {
      const rows = selectNext.all(taskId, limit) as { topic: string; partition: number; record_offset: number }[]
      return rows.flatMap(({ topic, partition, record_offset: offset }) => {
        return letters.get(deadLetterId({ topic, partition, offset })) ?? []
      })
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
  const count = (fits: (outcome: OutcomeRow) => boolean) =>
    outcomes.filter(fits).reduce((total, { letters }) => total + letters, 0)
  const isFailed = ({ sent, state }: OutcomeRow) => sent === 1 && state !== 'resolved' && state !== 'redriven'
  const last = outcomes.filter((outcome) => outcome.last === 1)
  const inLast = (fits: (outcome: OutcomeRow) => boolean) => count((outcome) => outcome.last === 1 && fits(outcome))
  const retrying = last
    .filter(({ state }) => state === 'redriven')
    .reduce((total, outcome) => total + outcome.retrying, 0)
  return {
    id: row.id,
    state: row.state,
    why: row.why,
    createdAt: fromMs(row.created_at),
    updatedAt: fromMs(row.updated_at),
    operator: row.operator,
    ratePerSecond: row.rate_per_second,
    step: row.step,
    total: count(() => true),
    waiting: count(({ sent, state }) => sent === 0 && state === 'dead'),
    skipped: count(({ sent, state }) => sent === 0 && state !== 'dead'),
    pending: count(({ sent, state }) => sent === 1 && state === 'redriven'),
    resolved: count(({ sent, state }) => sent === 1 && state === 'resolved'),
    failed: count(isFailed),
    lastStep: {
      sent: inLast(() => true),
      pending: inLast(({ state }) => state === 'redriven'),
      retrying,
      failed: inLast(isFailed),
    },
  }
}
