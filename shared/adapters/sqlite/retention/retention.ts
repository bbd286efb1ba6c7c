import type { DatabaseSync } from 'node:sqlite'
import {
  FROM_THE_BEGINNING,
  type RemovablePart,
  type RemovalBounds,
  type RemovalStep,
} from '../../../ports/retention.ts'
import { IS_SETTLED } from '../archive/documents.ts'
import { inTransaction } from '../database/database.ts'
import { toMs } from '../database/values.ts'

/** Each step is one transaction (port Retention). */
export interface RetentionCommands {
  removeOld(part: RemovablePart, bounds: RemovalBounds): RemovalStep
}

/**
 * Removes the content of the oldest settled letters that belong to no running task. If a record is delivered again,
 * decisions about it depend on whether its letter is foreign and whether the letter was edited, so `foreign_failure`
 * and `edited_value` are emptied but do not become null. Uses dead_letters_settled (the plus sign keeps SQLite from
 * using the index on state), redrive_tasks_running and the primary keys.
 */
const EMPTY_LETTERS = `
  UPDATE dead_letters SET
    removed_at = ?1, record_key = NULL, record_value = NULL, headers = '[]', stack = NULL, redrive_of = NULL,
    edited_value = iif(edited_value IS NULL, NULL, x''), foreign_failure = iif(foreign_failure IS NULL, NULL, '{}'),
    first_code = '', first_detail = '', last_code = '', last_detail = '', fingerprint = '', consumer_group = ''
  WHERE kept_seq IN (
    SELECT kept_seq FROM dead_letters d
    WHERE settled_at < ?2 AND removed_at IS NULL AND +state IN ('resolved', 'superseded', 'discarded') AND NOT EXISTS (
      SELECT 1 FROM redrive_tasks t JOIN redrive_letters r ON r.task_seq = t.task_seq AND r.kept_seq = d.kept_seq
      WHERE t.state = 'running')
    ORDER BY settled_at LIMIT ?3)`
/** True if nothing is pending for the entry's order and the order's last entry is old. Uses the indexes on order_id. */
const IS_OVER = `
  NOT EXISTS (SELECT 1 FROM order_states s WHERE s.order_id = o.order_id AND s.status <> 'discarded')
  AND NOT EXISTS (SELECT 1 FROM order_history h WHERE h.order_id = o.order_id AND h.at >= ?2)
  AND NOT EXISTS (SELECT 1 FROM order_change_history h WHERE h.order_id = o.order_id AND h.at >= ?2)
  AND ${IS_SETTLED}`
/** The next entries in the order in which they were written, which is nearly chronological. Uses the primary key. */
const NEXT_ENTRIES = (table: HistoryTable) => `
  SELECT o.entry, o.order_id, o.at < ?2 AS is_old, o.at < ?2 AND ${IS_OVER} AS is_over
  FROM ${table} o WHERE o.entry > ?1 ORDER BY o.entry LIMIT ?3`
/**
 * Also deletes the order's earlier entries, because an earlier round may have kept them while the last entry was still
 * new. Uses the indexes on order_id.
 */
const DELETE_ENTRIES = (table: HistoryTable) => `DELETE FROM ${table} WHERE order_id = ? AND entry <= ?`
const NOTE_REMOVED = `
  INSERT INTO removed_histories VALUES (?, ?)
  ON CONFLICT DO UPDATE SET removed_before = max(removed_before, excluded.removed_before)`
/** Uses audit_by_time. */
const DELETE_AUDIT = 'DELETE FROM audit WHERE entry IN (SELECT entry FROM audit WHERE at < ? ORDER BY at LIMIT ?)'
/** The following statements use redrive_tasks_ended and the primary keys. */
const OLDEST_TASK = `
  SELECT task_seq FROM redrive_tasks WHERE state <> 'running' AND updated_at < ? ORDER BY updated_at LIMIT 1`
const HIDE_TASK = 'UPDATE redrive_tasks SET removed_at = ? WHERE task_seq = ? AND removed_at IS NULL'
const DELETE_LETTERS_OF_TASK = `
  DELETE FROM redrive_letters WHERE task_seq = ?1 AND kept_seq IN (
    SELECT kept_seq FROM redrive_letters WHERE task_seq = ?1 LIMIT ?2)`
const DELETE_TASK = 'DELETE FROM redrive_tasks WHERE task_seq = ?'

type HistoryTable = 'order_history' | 'order_change_history'

interface EntryRow {
  readonly entry: number
  readonly order_id: Uint8Array
  readonly is_old: 0 | 1
  readonly is_over: 0 | 1
}

export function prepareRetention(db: DatabaseSync): RetentionCommands {
  const emptyLetters = db.prepare(EMPTY_LETTERS)
  const noteRemoved = db.prepare(NOTE_REMOVED)
  const deleteAudit = db.prepare(DELETE_AUDIT)
  const oldestTask = db.prepare(OLDEST_TASK)
  const hideTask = db.prepare(HIDE_TASK)
  const deleteLettersOfTask = db.prepare(DELETE_LETTERS_OF_TASK)
  const deleteTask = db.prepare(DELETE_TASK)

  function removesEntries(table: HistoryTable) {
    const nextEntries = db.prepare(NEXT_ENTRIES(table))
    const deleteEntries = db.prepare(DELETE_ENTRIES(table))
    return (before: number, from: number, limit: number): RemovalStep => {
      const entries = nextEntries.all(from, before, limit) as unknown as readonly EntryRow[]
      const last = entries.at(-1)?.entry ?? null
      let removed = 0
      for (const { order_id: orderId } of entries.filter(({ is_over: isOver }) => isOver === 1)) {
        removed += Number(deleteEntries.run(orderId, last).changes)
        noteRemoved.run(orderId, before)
      }
      const isEnd = entries.length < limit || entries.every(({ is_old: isOld }) => isOld === 0)
      return { removed, next: isEnd ? null : last }
    }
  }

  function removeTask(before: number, _from: number, limit: number): RemovalStep {
    const task = oldestTask.get(before)?.['task_seq']
    if (task === undefined) return { removed: 0, next: null }
    hideTask.run(Date.now(), Number(task))
    if (deleteLettersOfTask.run(Number(task), limit).changes === limit) {
      return { removed: 0, next: FROM_THE_BEGINNING }
    }
    deleteTask.run(Number(task))
    return { removed: 1, next: FROM_THE_BEGINNING }
  }

  const steps = {
    'dead-letters': removesFirst((before, limit) => Number(emptyLetters.run(Date.now(), before, limit).changes)),
    histories: removesEntries('order_history'),
    'change-histories': removesEntries('order_change_history'),
    audit: removesFirst((before, limit) => Number(deleteAudit.run(before, limit).changes)),
    redrives: removeTask,
  } satisfies Record<RemovablePart, (before: number, from: number, limit: number) => RemovalStep>

  return {
    removeOld: (part, { olderThan, from, limit }) => inTransaction(db, () => steps[part](toMs(olderThan), from, limit)),
  }
}

/** A step that removes every row that it finds, so every step can start from the beginning. */
function removesFirst(work: (before: number, limit: number) => number) {
  return (before: number, _from: number, limit: number): RemovalStep => {
    const removed = work(before, limit)
    return { removed, next: removed < limit ? null : FROM_THE_BEGINNING }
  }
}
