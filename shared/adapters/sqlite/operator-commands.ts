import type { DatabaseSync } from 'node:sqlite'
import { OrderError } from '../../domain/errors.ts'
import type { KeptDeadLetter } from '../../ports/dead-letters.ts'
import type { Act, AuditEntry, NewRedrive, RedriveState, RedriveTask } from '../../ports/redrives.ts'
import { createStatements, inTransaction } from './database.ts'
import { filtersOf, prepareDeadLetterQueries } from './dead-letter-queries.ts'
import { prepareRedriveQueries } from './redrive-queries.ts'
import { parseDeadLetterId, toIdBytes, toMs } from './values.ts'

/** What operators and their redrives change, each one transaction with its line of the audit (port Redrives). */
export interface OperatorCommands {
  createRedrive(task: NewRedrive, act: Act): RedriveTask
  leaseRedrive(owner: string, nowMs: number, leaseMs: number): RedriveTask | undefined
  markSent(taskId: string, letterIds: readonly string[], step: number, at: string): void
  releaseRedrive(taskId: string, change: { state?: RedriveState; why?: string; at: string }): void
  changeRedrive(taskId: string, to: 'cancelled' | 'running', act: Act): RedriveTask
  discardLetter(letterId: string, act: Act): KeptDeadLetter
  restoreLetter(letterId: string, act: Act): KeptDeadLetter
  markEdited(letterId: string, value: Uint8Array, act: Act): KeptDeadLetter
}

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const SYSTEM = 'redrive'

export function prepareOperatorCommands(db: DatabaseSync): OperatorCommands {
  const statement = createStatements(db)
  const tasks = prepareRedriveQueries(db)
  const letters = prepareDeadLetterQueries(db)
  const run = (sql: string, ...parameters: (string | number | Uint8Array | null)[]) => statement(sql).run(...parameters)

  function record(action: AuditEntry['action'], target: string, { at, operator, verified, reason }: Act): void {
    const values = [toMs(at), action, target, operator, verified ? 1 : 0, reason] as const
    run('INSERT INTO audit (at, action, target, operator, verified, reason) VALUES (?, ?, ?, ?, ?, ?)', ...values)
  }

  function tell(
    orderId: string | null,
    kind: 'redriven' | 'edited' | 'discarded' | 'restored',
    at: string,
    reason: string | null,
  ) {
    if (orderId === null) return
    run(
      'INSERT INTO order_history (order_id, at, kind, reason) VALUES (?, ?, ?, ?)',
      toIdBytes(orderId),
      toMs(at),
      kind,
      reason,
    )
  }

  function taskOf(taskId: string): RedriveTask {
    const task = tasks.get(taskId)
    if (task === undefined) throw new OrderError('not-found', 'No redrive has this id.')
    return task
  }

  function letterOf(letterId: string): KeptDeadLetter {
    const letter = letters.get(letterId)
    if (letter === undefined) throw new OrderError('dead-letter-not-found', 'No dead letter has this id.')
    return letter
  }

  /** Moves a letter, its parked record, and its order unless that is stored, from one state to the other. */
  function move(
    letterId: string,
    from: 'dead' | 'discarded',
    to: { letter: 'dead' | 'discarded'; order: 'dead-lettered' | 'discarded'; kind: 'discarded' | 'restored' },
    act: Act,
  ): KeptDeadLetter {
    const letter = letterOf(letterId)
    if (letter.state !== from) throw new OrderError('conflict', `The dead letter is ${letter.state}, not ${from}.`)
    const place = [letter.origin.topic, letter.origin.partition, letter.origin.offset] as const
    const atMs = toMs(act.at)
    run(`UPDATE dead_letters SET state = ? WHERE ${KEY}`, to.letter, ...place)
    run(
      `UPDATE parked_records SET state = ?, updated_at = ? WHERE group_id = ? AND ${KEY} AND state = ?`,
      to.letter,
      atMs,
      letter.consumerGroup,
      ...place,
      from,
    )
    if (letter.orderId !== null) {
      const was = from === 'dead' ? 'dead-lettered' : 'discarded'
      const id = toIdBytes(letter.orderId)
      const { changes } = run(
        'UPDATE order_states SET status = ?, updated_at = ? WHERE order_id = ? AND status = ?',
        to.order,
        atMs,
        id,
        was,
      )
      if (changes > 0) tell(letter.orderId, to.kind, act.at, act.reason)
    }
    record(to.kind === 'discarded' ? 'discard' : 'restore', letterId, act)
    return letterOf(letterId)
  }

  function addLetters(taskSeq: number, which: NewRedrive['letters']): void {
    if ('ids' in which) {
      for (const id of which.ids) {
        const place = parseDeadLetterId(id)
        if (place === undefined) continue
        const sql = `INSERT OR IGNORE INTO redrive_letters SELECT ?, kept_seq, NULL FROM dead_letters WHERE ${KEY} AND state = 'dead'`
        run(sql, taskSeq, place.topic, place.partition, place.offset)
      }
      return
    }
    // By the index of one filter (dead_letters_by_…).
    const { where, parameters } = filtersOf({ ...which, limit: 0, state: 'dead' })
    const sql = `INSERT INTO redrive_letters SELECT ?, kept_seq, NULL FROM dead_letters WHERE ${where.join(' AND ')}`
    run(sql, taskSeq, ...parameters)
  }

  const commands: OperatorCommands = {
    createRedrive({ id, letters: which, ratePerSecond }, act) {
      const atMs = toMs(act.at)
      const { lastInsertRowid } = run(
        `INSERT INTO redrive_tasks (id, state, created_at, updated_at, operator, rate_per_second, step, leased_until)
         VALUES (?, 'running', ?, ?, ?, ?, 0, 0)`,
        id,
        atMs,
        atMs,
        act.operator,
        ratePerSecond,
      )
      addLetters(Number(lastInsertRowid), which)
      const task = taskOf(id)
      if (task.total === 0) throw new OrderError('conflict', 'No letter that is dead matches.')
      record('redrive', id, act)
      return task
    },
    leaseRedrive(owner, nowMs, leaseMs) {
      // By redrive_tasks_running.
      const row = statement(
        `UPDATE redrive_tasks SET leased_until = ?, lease_owner = ? WHERE task_seq = (
           SELECT task_seq FROM redrive_tasks WHERE state = 'running' AND leased_until <= ? ORDER BY leased_until LIMIT 1)
         RETURNING id`,
      ).get(nowMs + leaseMs, owner, nowMs)
      return row === undefined ? undefined : taskOf(String(row['id']))
    },
    markSent(taskId, letterIds, step, at) {
      const taskSeq = Number(statement('SELECT task_seq FROM redrive_tasks WHERE id = ?').get(taskId)?.['task_seq'])
      run('UPDATE redrive_tasks SET step = ?, updated_at = ? WHERE task_seq = ?', step, toMs(at), taskSeq)
      for (const letterId of letterIds) {
        const { origin, orderId } = letterOf(letterId)
        const place = [origin.topic, origin.partition, origin.offset] as const
        run(
          `UPDATE redrive_letters SET step = ? WHERE task_seq = ? AND kept_seq = (SELECT kept_seq FROM dead_letters WHERE ${KEY})`,
          step,
          taskSeq,
          ...place,
        )
        // It may be stored, and so resolved, before we come to say that it was sent.
        run(`UPDATE dead_letters SET state = 'redriven' WHERE ${KEY} AND state = 'dead'`, ...place)
        tell(orderId, 'redriven', at, null)
      }
    },
    releaseRedrive(taskId, { state, why, at }) {
      run(
        `UPDATE redrive_tasks SET leased_until = 0, lease_owner = NULL, updated_at = ?,
           state = CASE WHEN state = 'running' THEN coalesce(?, state) ELSE state END,
           why = CASE WHEN state = 'running' THEN coalesce(?, why) ELSE why END WHERE id = ?`,
        toMs(at),
        state ?? null,
        why ?? null,
        taskId,
      )
      if (state === 'stopped') record('stop', taskId, { operator: SYSTEM, verified: true, at, reason: why ?? null })
    },
    changeRedrive(taskId, to, act) {
      const { state } = taskOf(taskId)
      const isAllowed = to === 'cancelled' ? state === 'running' : state === 'stopped' || state === 'cancelled'
      if (!isAllowed) throw new OrderError('conflict', `The redrive is ${state}.`)
      // Resumed, it begins with one letter again: what made it stop may not be mended.
      const step = to === 'running' ? ', step = 0, why = NULL' : ''
      run(`UPDATE redrive_tasks SET state = ?, updated_at = ?${step} WHERE id = ?`, to, toMs(act.at), taskId)
      if (to === 'running') {
        const sent =
          'UPDATE redrive_letters SET step = -1 WHERE step IS NOT NULL AND task_seq = (SELECT task_seq FROM redrive_tasks WHERE id = ?)'
        run(sent, taskId)
      }
      record(to === 'cancelled' ? 'cancel' : 'resume', taskId, act)
      return taskOf(taskId)
    },
    discardLetter: (id, act) => move(id, 'dead', { letter: 'discarded', order: 'discarded', kind: 'discarded' }, act),
    restoreLetter: (id, act) =>
      move(id, 'discarded', { letter: 'dead', order: 'dead-lettered', kind: 'restored' }, act),
    markEdited(letterId, value, act) {
      const { origin, orderId } = letterOf(letterId)
      const place = [origin.topic, origin.partition, origin.offset] as const
      run(`UPDATE dead_letters SET edited_value = ? WHERE ${KEY}`, value, ...place)
      run(`UPDATE dead_letters SET state = 'redriven' WHERE ${KEY} AND state = 'dead'`, ...place)
      tell(orderId, 'edited', act.at, act.reason)
      record('edit', letterId, act)
      return letterOf(letterId)
    },
  }
  return eachInTransaction(db, commands)
}

function eachInTransaction(db: DatabaseSync, commands: OperatorCommands): OperatorCommands {
  const wrapped = Object.entries(commands as unknown as Record<string, (...args: unknown[]) => unknown>).map(
    ([name, command]) => [name, (...args: unknown[]) => inTransaction(db, () => command(...args))] as const,
  )
  return Object.fromEntries(wrapped) as unknown as OperatorCommands
}
