import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  DEAD_LETTER_STATES,
  parseDeadLetterId,
  type DeadLetterGroup,
  type DeadLetterQuery,
  type DeadLetters,
  type DeadLetterSummary,
  type KeptDeadLetter,
} from '../../../ports/dead-letters.ts'
import type { Page } from '../../../ports/order-views.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import type { Row } from '../../stores/rows.ts'
import { createStatements } from '../database/database.ts'
import { toIdBytes, toMs } from '../database/values.ts'
import { LETTER_COLUMNS, SAMPLE_COLUMNS, SUMMARY_COLUMNS, toGroup, toLetter, toSummary } from './letter-rows.ts'

export interface DeadLetterQueries {
  getLetter(id: string): KeptDeadLetter | undefined
  /** The letter without its payload, which may be large. */
  getLetterSummary(id: string): DeadLetterSummary | undefined
  listLetters(query: DeadLetterQuery): Page<DeadLetterSummary>
  countLetters(query: Parameters<DeadLetters['count']>[0]): number
  groupLetters(query: Parameters<DeadLetters['groups']>[0]): Page<DeadLetterGroup>
}

/** A letter whose content was removed (port Retention) is not shown. Uses the unique index on the position. */
const AT_ORIGIN = 'FROM dead_letters WHERE topic = ? AND partition = ? AND record_offset = ? AND removed_at IS NULL'
const BY_ORIGIN = `SELECT ${LETTER_COLUMNS} ${AT_ORIGIN}`
const SUMMARY_BY_ORIGIN = `SELECT ${SUMMARY_COLUMNS} ${AT_ORIGIN}`
/**
 * Reads only the index dead_letters_by_group. The cost grows with the number of letters. That is acceptable, because
 * only operators ask for the groups.
 */
const GROUPS = `
  SELECT fingerprint, count(*) AS letters, min(first_failed_at) AS first_seen, max(last_failed_at) AS last_seen
  FROM dead_letters WHERE removed_at IS NULL AND state IN (SELECT value FROM json_each(?))
  GROUP BY fingerprint
  HAVING max(last_failed_at) < ? OR (max(last_failed_at) = ? AND fingerprint > ?)
  ORDER BY last_seen DESC, fingerprint LIMIT ?`
/** Uses dead_letters_by_group. */
const SAMPLE = `
  SELECT ${SAMPLE_COLUMNS} FROM dead_letters
  WHERE removed_at IS NULL AND state IN (SELECT value FROM json_each(?)) AND fingerprint = ? AND last_failed_at = ?
  LIMIT 1`

export function prepareDeadLetterQueries(db: DatabaseSync): DeadLetterQueries {
  const selectByOrigin = db.prepare(BY_ORIGIN)
  const selectSummary = db.prepare(SUMMARY_BY_ORIGIN)
  const selectGroups = db.prepare(GROUPS)
  const selectSample = db.prepare(SAMPLE)
  const statement = createStatements(db)

  return {
    getLetter(id) {
      const row = rowOf(id, selectByOrigin)
      return row === undefined ? undefined : toLetter(row)
    },
    getLetterSummary(id) {
      const row = rowOf(id, selectSummary)
      return row === undefined ? undefined : toSummary(row)
    },
    listLetters(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const { where, parameters } = filtersOf(query)
      // Uses the index of one filter (dead_letters_by_…) or the primary key. In each of them, entries are sorted by
      // kept_seq.
      const sql = `SELECT ${SUMMARY_COLUMNS} FROM dead_letters WHERE ${['kept_seq < ?', 'removed_at IS NULL', ...where].join(' AND ')}
        ORDER BY kept_seq DESC LIMIT ?`
      const rows = statement(sql).all(before, ...parameters, query.limit + 1)
      return toPage(query, rows, toSummary, (last) => [Number(last['kept_seq'])])
    },
    countLetters(query) {
      const { where, parameters } = filtersOf(query)
      const sql = `SELECT count(*) AS letters FROM dead_letters WHERE ${['removed_at IS NULL', ...where].join(' AND ')}`
      return Number(statement(sql).get(...parameters)?.['letters'])
    },
    groupLetters(query) {
      const { limit, state } = query
      const [before, after] = fromCursor(query, ['number', 'string']) ?? [Number.MAX_SAFE_INTEGER, '']
      const states = JSON.stringify(state === undefined ? DEAD_LETTER_STATES : [state])
      const rows = selectGroups.all(states, before, before, after, limit + 1)
      return toPage(
        query,
        rows,
        (row) => toGroup({ ...row, ...selectSample.get(states, row['fingerprint'] ?? null, row['last_seen'] ?? null) }),
        (last) => [Number(last['last_seen']), String(last['fingerprint'])],
      )
    },
  }
}

function rowOf(id: string, select: StatementSync): Row | undefined {
  const origin = parseDeadLetterId(id)
  return origin && select.get(origin.topic, origin.partition, origin.offset)
}

/** Conditions on dead_letters, with their parameters. */
export function filtersOf({
  state,
  fingerprint,
  code,
  orderId,
  from,
  to,
  foreign,
}: Omit<DeadLetterQuery, 'limit' | 'cursor'>) {
  const filters: [sql: string, value: string | number | Uint8Array | undefined][] = [
    ['state = ?', state],
    ['fingerprint = ?', fingerprint],
    ['last_code = ?', code],
    ['order_id = ?', orderId === undefined ? undefined : toIdBytes(orderId)],
    ['last_failed_at >= ?', from === undefined ? undefined : toMs(from)],
    ['last_failed_at < ?', to === undefined ? undefined : toMs(to)],
  ]
  const given = filters.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]))
  const whose = foreign === undefined ? [] : [`foreign_failure IS ${foreign ? 'NOT ' : ''}NULL`]
  return { where: [...given.map(({ sql }) => sql), ...whose], parameters: given.map(({ value }) => value) }
}
