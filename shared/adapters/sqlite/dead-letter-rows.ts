import type { DatabaseSync } from 'node:sqlite'
import { knownTime, nearestSafeInteger } from '../../domain/times.ts'
import { parseDeadLetterId, type DeadLetter } from '../../ports/dead-letters.ts'
import type { RecordPosition } from '../../ports/event-log.ts'
import { samePlace, type OrderRows } from './order-rows.ts'
import type { ParkedRows } from './parked-rows.ts'
import { fromMs, toIdBytes } from './values.ts'

export interface DeadLetterRows {
  keep(letters: readonly DeadLetter[], nowMs: number): void
  /** The origin of a letter, when it is one of this order or one whose order could not be read. */
  originOfLetter(letterId: string | null, orderId: string): RecordPosition | undefined
  /** The order of the letter of this origin is stored; a letter that was discarded stays so. */
  resolve(origin: RecordPosition): void
  /** The redrive of another consumer's letter has ended, whatever became of our order; our own letters stay as they are. */
  resolveForeign(origin: RecordPosition): void
}

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const INSERT = `
  INSERT INTO dead_letters (
    topic, partition, record_offset, order_id, state, kept_at, first_code, first_detail, last_code, last_detail, attempts,
    first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp, stack, headers, record_key,
    record_value, foreign_failure
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const SELECT_ORDER = `SELECT 1 FROM dead_letters WHERE ${KEY} AND (order_id IS NULL OR order_id = ?)`
const RESOLVE = `UPDATE dead_letters SET state = 'resolved' WHERE ${KEY} AND state NOT IN ('resolved', 'discarded')`
const RESOLVE_FOREIGN = `${RESOLVE} AND foreign_failure IS NOT NULL`
const SUPERSEDE = `UPDATE dead_letters SET state = 'superseded' WHERE ${KEY} AND state IN ('dead', 'redriven')`

export function prepareDeadLetterRows(db: DatabaseSync, orders: OrderRows, parked: ParkedRows): DeadLetterRows {
  const insert = db.prepare(INSERT)
  const selectOrder = db.prepare(SELECT_ORDER)
  const resolve = db.prepare(RESOLVE)
  const resolveForeign = db.prepare(RESOLVE_FOREIGN)
  const supersede = db.prepare(SUPERSEDE)

  /** False when a letter of its origin is kept already. */
  function insertLetter(letter: DeadLetter, isResolved: boolean, nowMs: number): boolean {
    const { origin, orderId, key, value, firstCause, lastCause } = letter
    const headers = letter.headers.map(([name, header]) => [name, header && Buffer.from(header).toString('base64')])
    const { changes } = insert.run(
      origin.topic,
      origin.partition,
      origin.offset,
      orderId === null ? null : toIdBytes(orderId),
      isResolved ? 'resolved' : 'dead',
      nowMs,
      firstCause.code,
      firstCause.detail,
      lastCause.code,
      lastCause.detail,
      nearestSafeInteger(letter.attempts),
      timeOf(letter.firstFailedAt, nowMs),
      timeOf(letter.lastFailedAt, nowMs),
      letter.fingerprint,
      letter.consumerGroup,
      letter.redriveOf,
      nearestSafeInteger(letter.recordTimestamp),
      letter.stack,
      JSON.stringify(headers),
      key,
      value,
      letter.foreign && JSON.stringify(letter.foreign),
    )
    return changes > 0
  }

  function replaceRedriven({ redriveOf, consumerGroup }: DeadLetter, nowMs: number): void {
    const origin = redriveOf === null ? undefined : parseDeadLetterId(redriveOf)
    if (origin === undefined) return
    supersede.run(origin.topic, origin.partition, origin.offset)
    parked.redriven(consumerGroup, origin, nowMs)
  }

  return {
    keep(letters, nowMs) {
      for (const letter of letters) {
        const { origin, orderId } = letter
        const storedFrom = orderId === null ? undefined : orders.originOf(orderId)
        // The topic was slower than the retry that stored it: this very record is dead no more.
        const isResolved = storedFrom !== undefined && samePlace(storedFrom, origin)
        if (!insertLetter(letter, isResolved, nowMs) || isResolved || letter.foreign !== null) continue
        replaceRedriven(letter, nowMs)
        const failedAt = timeOf(letter.lastFailedAt, nowMs)
        // What parked it may tell the ledger only later: then it finds the row, and the history is told once.
        parked.park(
          letter.consumerGroup,
          {
            origin,
            orderId,
            state: 'dead',
            attempt: nearestSafeInteger(letter.attempts),
            maxAttempts: nearestSafeInteger(letter.attempts),
            nextAttemptAt: null,
            cause: letter.lastCause,
            acceptedAt: fromMs(timeOf(letter.recordTimestamp, failedAt)),
            order: null,
            redriveOf: letter.redriveOf,
          },
          false,
          failedAt,
        )
      }
    },
    originOfLetter(letterId, orderId) {
      const origin = letterId === null ? undefined : parseDeadLetterId(letterId)
      if (origin === undefined) return undefined
      const row = selectOrder.get(origin.topic, origin.partition, origin.offset, toIdBytes(orderId))
      return row === undefined ? undefined : origin
    },
    resolve({ topic, partition, offset }) {
      resolve.run(topic, partition, offset)
    },
    resolveForeign({ topic, partition, offset }) {
      resolveForeign.run(topic, partition, offset)
    },
  }
}

/** Headers are whatever somebody wrote: what is no time is taken for `otherwise`. */
function timeOf(time: string | number, otherwise: number): number {
  return knownTime(typeof time === 'string' ? Date.parse(time) : time) ?? otherwise
}
