import type { DatabaseSync } from 'node:sqlite'
import {
  deadLetterId,
  parseDeadLetterId,
  type DeadLetterState,
  type KeptDeadLetter,
} from '../../../ports/dead-letters.ts'
import type { Act, NewRedrive, RedriveEnding, RedriveTask } from '../../../ports/redrives.ts'
import {
  GATHERING_LEASE_MS,
  ITSELF,
  MAX_CLAIMED_BYTES,
  namedLetterNotFound,
  noDeadLetterMatches,
  redriveNotFound,
  refuseChange,
  type LettersByFilter,
} from '../../stores/redrive-tasks.ts'
import { prepareChangeHistory } from '../changes/change-history.ts'
import { createStatements, inTransaction } from '../database/database.ts'
import { filtersOf, prepareDeadLetterQueries } from '../dead-letters/dead-letters.ts'
import { prepareAudit } from '../dead-letters/audit.ts'
import { prepareRedriveQueries } from './redrive-queries.ts'
import { toMs } from '../database/values.ts'

/**
 * Redrive tasks. An operator creates a task, and the process that holds its lease carries it out. Each call is one
 * transaction.
 */
export interface RedriveCommands {
  /**
   * Returns true if more letters may match the task's filter. Until all of them are gathered, the task is leased under
   * its own id.
   */
  createRedrive(task: NewRedrive, act: Act, limit?: number): boolean
  /** Adds the next letters that match the task's filter. Returns true if there may be more. */
  gatherLetters(taskId: string, owner: string, limit?: number): boolean
  getTask(taskId: string): RedriveTask
  leaseRedrive(owner: string, nowMs: number, leaseMs: number): Leased | undefined
  claimLetters(taskId: string, owner: string, limit: number): readonly KeptDeadLetter[]
  markSent(taskId: string, letterIds: readonly string[], at: string): void
  releaseRedrive(taskId: string, owner: string, next: { dueMs: number; at: string; ending?: RedriveEnding }): void
  /**
   * Prepares a task to be resumed, one step per call. Returns the letter after which the next step begins, or undefined
   * after the last step.
   */
  forgetSteps(taskId: string, after: number, limit?: number): number | undefined
  changeRedrive(taskId: string, to: 'cancelled' | 'running', act: Act): RedriveTask
}

interface Leased {
  readonly task: RedriveTask
  /** Whether the process that created the task died before the task had all of its letters. */
  readonly isGathering: boolean
}

/** The maximum number of dead letters that one step handles. Between steps, the writer can store a batch. */
const GATHERED_AT_ONCE = 1000

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const SELECT_LETTER = `
  SELECT kept_seq, order_id, change_id, foreign_failure IS NOT NULL AS is_foreign FROM dead_letters
  WHERE ${KEY} AND removed_at IS NULL`
const INSERT_TASK = `
  INSERT INTO redrive_tasks (
    id, state, created_at, updated_at, operator, reason, rate_per_second, step, due_at, lease_owner, gathering)
  VALUES (?1, 'running', ?2, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)`
const ADD_LETTERS = 'INSERT OR IGNORE INTO redrive_letters SELECT ?, kept_seq, NULL FROM dead_letters WHERE'
const SELECT_GATHERING = `
  SELECT t.task_seq, t.gathering, (SELECT max(kept_seq) FROM redrive_letters r WHERE r.task_seq = t.task_seq) AS last
  FROM redrive_tasks t WHERE t.id = ? AND t.state = 'running' AND t.lease_owner = ? AND t.gathering IS NOT NULL`
const GO_ON_GATHERING = 'UPDATE redrive_tasks SET due_at = ? WHERE task_seq = ?'
const END_GATHERING = 'UPDATE redrive_tasks SET due_at = 0, lease_owner = NULL, gathering = NULL WHERE task_seq = ?'
const HAS_DEAD = `
  SELECT 1 FROM redrive_letters r JOIN dead_letters d USING (kept_seq) WHERE r.task_seq = ? AND d.state = 'dead' LIMIT 1`
/** Leases a task that is due, or one that this owner failed to release. Uses redrive_tasks_running. */
const LEASE = `
  UPDATE redrive_tasks SET due_at = ?1 + ?2, lease_owner = ?3 WHERE task_seq = (
    SELECT task_seq FROM redrive_tasks WHERE state = 'running' AND (due_at <= ?1 OR lease_owner = ?3)
    ORDER BY due_at LIMIT 1)
  RETURNING id, gathering IS NOT NULL AS is_gathering`
const SELECT_LEASED = `SELECT task_seq, step FROM redrive_tasks WHERE id = ? AND state = 'running' AND lease_owner = ?`
/**
 * Uses redrive_letters_by_step, whose entries for one step are in the order in which the letters were inserted. SQLite
 * knows a payload's size without reading the payload.
 */
const CLAIMABLE = `
  SELECT r.kept_seq, d.topic, d.partition, d.record_offset, coalesce(length(d.record_value), 0) AS bytes
  FROM redrive_letters r JOIN dead_letters d USING (kept_seq)
  WHERE r.task_seq = ? AND r.step IS ? AND d.state = 'dead' ORDER BY r.kept_seq LIMIT ?`
const CLAIM = 'UPDATE redrive_letters SET step = ? WHERE task_seq = ? AND kept_seq = ?'
const BEGIN_STEP = 'UPDATE redrive_tasks SET step = ? WHERE task_seq = ?'
const MARK_SENT = `UPDATE dead_letters SET state = 'redriven' WHERE ${KEY} AND state = 'dead'`
const TOUCH = 'UPDATE redrive_tasks SET updated_at = ? WHERE id = ? RETURNING reason'
const RELEASE = `
  UPDATE redrive_tasks SET due_at = ?, lease_owner = NULL, state = ?, why = ?, updated_at = ?
  WHERE id = ? AND state = 'running' AND lease_owner = ?`
const POSTPONE = `
  UPDATE redrive_tasks SET due_at = ?, lease_owner = NULL WHERE id = ? AND state = 'running' AND lease_owner = ?`
const CANCEL = `UPDATE redrive_tasks SET state = 'cancelled', lease_owner = NULL, updated_at = ? WHERE id = ?`
const RESUME = `
  UPDATE redrive_tasks SET state = 'running', step = 0, why = NULL, lease_owner = NULL, updated_at = ? WHERE id = ?`
/**
 * The letters of a task that is about to be resumed. Letters that were claimed but not sent go back to waiting; letters
 * that were already sent no longer count towards stopping the task. Uses the primary keys.
 */
const SELECT_NOTED = `
  SELECT r.task_seq, r.kept_seq, r.step IS NOT NULL AS is_noted, d.state FROM redrive_letters r JOIN dead_letters d USING (kept_seq)
  WHERE r.task_seq = (
    SELECT task_seq FROM redrive_tasks WHERE id = ? AND state IN ('stopped', 'cancelled') AND removed_at IS NULL)
    AND r.kept_seq > ? ORDER BY r.kept_seq LIMIT ?`

interface GatheringRow {
  readonly task_seq: number
  /** The task's filter as JSON. */
  readonly gathering: string
  /** The last letter that has been gathered; null if none has been. */
  readonly last: number | null
}

interface NotedRow {
  readonly task_seq: number
  readonly kept_seq: number
  readonly is_noted: 0 | 1
  readonly state: DeadLetterState
}

interface ClaimableRow {
  readonly kept_seq: number
  readonly topic: string
  readonly partition: number
  readonly record_offset: number
  readonly bytes: number
}

export function prepareRedriveCommands(db: DatabaseSync): RedriveCommands {
  const statement = createStatements(db)
  const tasks = prepareRedriveQueries(db)
  const letters = prepareDeadLetterQueries(db)
  const audit = prepareAudit(db)
  const changes = prepareChangeHistory(db)

  function taskOf(taskId: string): RedriveTask {
    const task = tasks.getRedrive(taskId)
    if (task === undefined) throw redriveNotFound()
    return task
  }

  function addLetter(taskSeq: number, id: string): void {
    const place = parseDeadLetterId(id)
    const known = place && statement(SELECT_LETTER).get(place.topic, place.partition, place.offset)
    if (known === undefined) throw namedLetterNotFound(id)
    statement(`${ADD_LETTERS} kept_seq = ?`).run(taskSeq, Number(known['kept_seq']))
  }

  /**
   * Adds the next letters. Returns true if there may be more. Uses the index of one filter (dead_letters_by_…), whose
   * entries are in the order in which the letters were inserted.
   */
  function gather({ task_seq: taskSeq, gathering, last }: GatheringRow, limit: number): boolean {
    const { where, parameters } = filtersOf({ ...(JSON.parse(gathering) as LettersByFilter), state: 'dead' })
    const next = `${ADD_LETTERS} ${['kept_seq > ?', 'removed_at IS NULL', ...where].join(' AND ')} ORDER BY kept_seq LIMIT ?`
    const { changes } = statement(next).run(taskSeq, last ?? 0, ...parameters, limit)
    if (changes < limit) statement(END_GATHERING).run(taskSeq)
    else statement(GO_ON_GATHERING).run(Date.now() + GATHERING_LEASE_MS, taskSeq)
    return changes === limit
  }

  /**
   * Returns the letters that the current step claimed but did not send. If there are none, begins a new step with the
   * next waiting letters.
   */
  function claim({ taskSeq, step }: { taskSeq: number; step: number }, limit: number): readonly ClaimableRow[] {
    const select = statement(CLAIMABLE)
    const unsent = select.all(taskSeq, step, limit) as unknown as ClaimableRow[]
    if (step > 0 && unsent.length > 0) return withinBytes(unsent)
    const next = withinBytes(select.all(taskSeq, null, limit) as unknown as ClaimableRow[])
    if (next.length > 0) statement(BEGIN_STEP).run(step + 1, taskSeq)
    for (const row of next) statement(CLAIM).run(step + 1, taskSeq, row.kept_seq)
    return next
  }

  return {
    createRedrive({ id, letters: which, ratePerSecond }, act, limit = GATHERED_AT_ONCE) {
      return inTransaction(db, () => {
        const task = [id, toMs(act.at), act.operator, act.reason, ratePerSecond] as const
        const lease = 'ids' in which ? [0, null, null] : [Date.now() + GATHERING_LEASE_MS, id, JSON.stringify(which)]
        const taskSeq = Number(statement(INSERT_TASK).run(...task, ...lease).lastInsertRowid)
        let isGathering = false
        if ('ids' in which) which.ids.forEach((letterId) => addLetter(taskSeq, letterId))
        else isGathering = gather({ task_seq: taskSeq, gathering: JSON.stringify(which), last: null }, limit)
        if (statement(HAS_DEAD).get(taskSeq) === undefined) throw noDeadLetterMatches()
        audit.record('redrive', id, act)
        return isGathering
      })
    },
    gatherLetters(taskId, owner, limit = GATHERED_AT_ONCE) {
      return inTransaction(db, () => {
        const row = statement(SELECT_GATHERING).get(taskId, owner) as GatheringRow | undefined
        return row !== undefined && gather(row, limit)
      })
    },
    getTask: taskOf,
    leaseRedrive(owner, nowMs, leaseMs) {
      return inTransaction(db, () => {
        const row = statement(LEASE).get(nowMs, leaseMs, owner)
        if (row === undefined) return undefined
        return { task: taskOf(String(row['id'])), isGathering: row['is_gathering'] === 1 }
      })
    },
    claimLetters(taskId, owner, limit) {
      return inTransaction(db, () => {
        const leased = statement(SELECT_LEASED).get(taskId, owner)
        if (leased === undefined) return []
        const claimed = claim({ taskSeq: Number(leased['task_seq']), step: Number(leased['step']) }, limit)
        return claimed.flatMap(({ topic, partition, record_offset: offset }) => {
          return letters.getLetter(deadLetterId({ topic, partition, offset })) ?? []
        })
      })
    },
    markSent(taskId, letterIds, at) {
      inTransaction(db, () => {
        const task = statement(TOUCH).get(toMs(at), taskId) as { reason: string | null } | undefined
        for (const place of letterIds.map(parseDeadLetterId)) {
          if (place === undefined) continue
          const key = [place.topic, place.partition, place.offset] as const
          // The record may be stored, and its letter resolved, before the sender reports the record as sent.
          statement(MARK_SENT).run(...key)
          const letter = statement(SELECT_LETTER).get(...key)
          if (letter === undefined || letter['is_foreign'] === 1) continue
          const [orderId, changeId] = [letter['order_id'], letter['change_id']] as (Uint8Array | null)[]
          const act = { at, reason: task?.reason ?? null }
          if (orderId != null && changeId != null) changes.tellRedriven(orderId, changeId, act)
          else audit.tell(orderId ?? null, 'redriven', act)
        }
      })
    },
    releaseRedrive(taskId, owner, { dueMs, at, ending }) {
      inTransaction(db, () => {
        if (ending === undefined) {
          statement(POSTPONE).run(dueMs, taskId, owner)
          return
        }
        const why = ending.state === 'stopped' ? ending.why : null
        const { changes } = statement(RELEASE).run(dueMs, ending.state, why, toMs(at), taskId, owner)
        if (changes > 0 && why !== null) audit.record('stop', taskId, { ...ITSELF, at, reason: why })
      })
    },
    forgetSteps(taskId, after, limit = GATHERED_AT_ONCE) {
      return inTransaction(db, () => {
        const page = statement(SELECT_NOTED).all(taskId, after, limit) as unknown as readonly NotedRow[]
        for (const { task_seq: taskSeq, kept_seq: keptSeq, is_noted: isNoted, state } of page) {
          if (isNoted === 1) statement(CLAIM).run(state === 'dead' ? null : -1, taskSeq, keptSeq)
        }
        return page.length < limit ? undefined : page.at(-1)?.kept_seq
      })
    },
    changeRedrive(taskId, to, act) {
      return inTransaction(db, () => {
        refuseChange(taskOf(taskId).state, to)
        statement(to === 'cancelled' ? CANCEL : RESUME).run(toMs(act.at), taskId)
        audit.record(to === 'cancelled' ? 'cancel' : 'resume', taskId, act)
        return taskOf(taskId)
      })
    },
  }
}

/** The first row, and the following rows whose payloads still fit into one claim. */
function withinBytes(rows: readonly ClaimableRow[]): readonly ClaimableRow[] {
  let bytes = 0
  return rows.filter((row, index) => {
    bytes += row.bytes
    return index === 0 || bytes <= MAX_CLAIMED_BYTES
  })
}
