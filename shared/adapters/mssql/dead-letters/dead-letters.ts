import { fromCursor, toPage } from '../../../domain/cursor.ts'
import {
  DEAD_LETTER_STATES,
  parseDeadLetterId,
  type DeadLetterQuery,
  type DeadLetters,
  type KeptDeadLetter,
} from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { bigint, int, json, text, type Parameter, type Parameters } from '../database/connection.ts'
import { LETTER_COLUMNS, SUMMARY_COLUMNS, toGroup, toLetter, toSummary } from './letter-rows.ts'
import { createKeepLetters } from './keep-letters.ts'
import { recompiledBetweenTimes } from '../orders/order-views-sql.ts'
import type { Query } from '../database/query.ts'
import { fromSqlTime, isOrderId, toSqlBound, toSqlTime } from '../database/values.ts'

/** A letter whose content was removed (port Retention) is not shown. Uses the unique index on the position. */
export const SELECT_LETTER = `
SELECT ${LETTER_COLUMNS}
FROM dead_letters AS d
WHERE d.topic = @topic AND d.log_partition = @partition AND d.log_offset = @offset AND d.removed_at IS NULL;
`

/**
 * Forms the groups from dead_letters_by_group alone, and then reads the most recently failed letter of each group. The
 * cost grows with the number of letters, but only operators ask for groups.
 */
export const SELECT_GROUPS = `
SELECT g.fingerprint, g.letters, g.first_seen, g.last_seen, s.topic, s.log_partition, s.log_offset, s.last_code,
  s.last_detail, s.consumer_group, s.foreign_failure, s.stack
FROM (
  SELECT TOP (@limit) d.fingerprint, COUNT(*) AS letters, MIN(d.first_failed_at) AS first_seen,
    MAX(d.last_failed_at) AS last_seen
  FROM dead_letters AS d
  WHERE d.removed_at IS NULL AND d.state IN (SELECT j.state COLLATE Latin1_General_100_BIN2 FROM OPENJSON(@states) WITH (state VARCHAR(20) '$') AS j)
  GROUP BY d.fingerprint
  HAVING @before IS NULL OR MAX(d.last_failed_at) < CAST(@before AS DATETIME2(3))
    OR (MAX(d.last_failed_at) = CAST(@before AS DATETIME2(3)) AND d.fingerprint > @after)
  ORDER BY MAX(d.last_failed_at) DESC, d.fingerprint
) AS g
CROSS APPLY (
  SELECT TOP (1) d.topic, d.log_partition, d.log_offset, d.last_code, d.last_detail,
    d.consumer_group, d.foreign_failure, d.stack
  FROM dead_letters AS d
  WHERE d.removed_at IS NULL AND d.fingerprint = g.fingerprint AND d.last_failed_at = g.last_seen
    AND d.state IN (SELECT j.state COLLATE Latin1_General_100_BIN2 FROM OPENJSON(@states) WITH (state VARCHAR(20) '$') AS j)
  ORDER BY d.kept_seq
) AS s
ORDER BY g.last_seen DESC, g.fingerprint;
`

const CONDITIONS = {
  state: 'd.state = CAST(@state AS VARCHAR(20))',
  fingerprint: 'd.fingerprint = @fingerprint',
  code: 'd.last_code = @code',
  orderId: 'd.order_id = CAST(@orderId AS UNIQUEIDENTIFIER)',
  from: 'd.last_failed_at >= CAST(@from AS DATETIME2(3))',
  to: 'd.last_failed_at < CAST(@to AS DATETIME2(3))',
  foreign: 'd.foreign_failure IS NOT NULL',
  own: 'd.foreign_failure IS NULL',
} as const
export type LetterFilter = keyof typeof CONDITIONS

/**
 * Uses the index of one filter (dead_letters_by_…) or the primary key. In each of these indexes, the entries are sorted
 * by kept_seq.
 */
export function selectLetters(filters: readonly LetterFilter[]): string {
  const where = ['d.kept_seq < @before', ...conditionsOf(filters)]
  return `
SELECT TOP (@limit) ${SUMMARY_COLUMNS}
FROM dead_letters AS d
WHERE ${where.join(' AND ')}
ORDER BY d.kept_seq DESC${recompiledBetweenTimes(new Set(filters))};
`
}

export function countLetters(filters: readonly LetterFilter[]): string {
  return `
SELECT COUNT_BIG(*) AS letters
FROM dead_letters AS d
WHERE ${conditionsOf(filters).join(' AND ')}${recompiledBetweenTimes(new Set(filters))};
`
}

/** Conditions on `dead_letters AS d`. Like the table's indexes, they omit removed letters. */
export function conditionsOf(filters: readonly LetterFilter[]): readonly string[] {
  return ['d.removed_at IS NULL', ...filters.map((name) => CONDITIONS[name])]
}

export function filtersOf(query: Omit<DeadLetterQuery, 'limit' | 'cursor'>) {
  const { state, fingerprint, code, orderId, from, to, foreign } = query
  const parameters: Partial<Record<LetterFilter, Parameter>> = {
    ...(state !== undefined && { state: text(state) }),
    ...(fingerprint !== undefined && { fingerprint: text(fingerprint) }),
    ...(code !== undefined && { code: text(code) }),
    // A malformed id matches no dead letter.
    ...(orderId !== undefined && { orderId: text(isOrderId(orderId) ? orderId : null) }),
    ...(from !== undefined && { from: text(toSqlBound(from)) }),
    ...(to !== undefined && { to: text(toSqlBound(to)) }),
  }
  const whose: readonly LetterFilter[] = foreign === undefined ? [] : [foreign ? 'foreign' : 'own']
  const names = [...(Object.keys(parameters) as LetterFilter[]), ...whose]
  return { names, parameters: parameters as Parameters }
}

/** The parameters that identify a letter by its position. */
export function placeParameters({ topic, partition, offset }: RecordPosition): Parameters {
  return { topic: text(topic), partition: bigint(partition), offset: bigint(offset) }
}

export function createGetLetter(query: Query): (id: string) => Promise<KeptDeadLetter | undefined> {
  return async function getLetter(id) {
    const origin = parseDeadLetterId(id)
    if (origin === undefined) return undefined
    const [[row] = []] = await query(SELECT_LETTER, placeParameters(origin))
    return row === undefined ? undefined : toLetter(row)
  }
}

export function createDeadLetters(query: Query): DeadLetters {
  return {
    keep: createKeepLetters(query),
    get: createGetLetter(query),
    async list(list) {
      const [before] = fromCursor(list, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const { names, parameters } = filtersOf(list)
      const limits = { before: bigint(before), limit: int(list.limit + 1) }
      const [rows = []] = await query(selectLetters(names), { ...parameters, ...limits })
      return toPage(list, rows, toSummary, (last) => [Number(last['kept_seq'])])
    },
    async count(letters) {
      const { names, parameters } = filtersOf(letters)
      const [[row] = []] = await query(countLetters(names), parameters)
      return Number(row?.['letters'])
    },
    async groups(groups) {
      const { limit, state } = groups
      const [before, after] = fromCursor(groups, ['string', 'string']) ?? [null, '']
      const [rows = []] = await query(SELECT_GROUPS, {
        states: json(state === undefined ? DEAD_LETTER_STATES : [state]),
        before: text(before === null ? null : toSqlTime(before)),
        after: text(after),
        limit: int(limit + 1),
      })
      return toPage(groups, rows, toGroup, (last) => [
        fromSqlTime(last['last_seen'] as Date),
        String(last['fingerprint']),
      ])
    },
  }
}
