import type { DatabaseSync } from 'node:sqlite'
import {
  isSameLetter,
  originTopicOf,
  parseDeadLetterId,
  topicOfLetter,
  type DeadLetter,
} from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { toHeadersJson, toParkedRecord, withStorableFigures } from '../../stores/letters.ts'
import { samePlace, type StoredOrders } from '../orders/stored-orders.ts'
import type { ParkedRecords } from './parked-records.ts'
import { fromIdBytes, fromMs, toIdBytes, toMs } from '../database/values.ts'

export interface DeadLetterRows {
  keep(letters: readonly DeadLetter[], nowMs: number): void
  /** The letter's position, if the letter is of this order or its order could not be read. */
  originOfLetter(letterId: string | null, orderId: string): RecordPosition | undefined
  /** Marks the letter resolved, because its order is stored. A discarded letter stays discarded. */
  resolve(letter: RecordPosition): void
  /** Resolves the letters of this order at this origin, because the order is stored from there. */
  resolveOf(orderId: string, origin: RecordPosition): void
  /** Resolves another consumer's letter when its redrive has ended, whatever the outcome for our order. */
  resolveForeign(letter: RecordPosition): void
}

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const INSERT = `
  INSERT INTO dead_letters (
    topic, partition, record_offset, order_id, state, kept_at, first_code, first_detail, last_code, last_detail, attempts,
    first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp, stack, headers, record_key,
    record_value, foreign_failure
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const SELECT_ORDER = `SELECT 1 FROM dead_letters WHERE ${KEY} AND (order_id IS NULL OR order_id = ?)`
const SELECT_IDENTITY = `SELECT order_id, record_timestamp FROM dead_letters WHERE ${KEY}`
const RESOLVE = `UPDATE dead_letters SET state = 'resolved' WHERE ${KEY} AND state NOT IN ('resolved', 'discarded')`
const RESOLVE_FOREIGN = `${RESOLVE} AND foreign_failure IS NOT NULL`
/** Uses dead_letters_by_order. Another record may have the letter's position by now, so the order is compared. */
const RESOLVE_OF = `
  UPDATE dead_letters SET state = 'resolved' WHERE order_id = ?1 AND partition = ?3 AND record_offset = ?4
  AND (topic = ?2 OR substr(topic, 1, length(?2) + 1) = ?2 || '@') AND state NOT IN ('resolved', 'discarded')
  AND foreign_failure IS NULL`
const SUPERSEDE = `UPDATE dead_letters SET state = 'superseded' WHERE ${KEY} AND state IN ('dead', 'redriven')`

export function prepareDeadLetterRows(db: DatabaseSync, orders: StoredOrders, parked: ParkedRecords): DeadLetterRows {
  const insert = db.prepare(INSERT)
  const selectOrder = db.prepare(SELECT_ORDER)
  const selectIdentity = db.prepare(SELECT_IDENTITY)
  const resolve = db.prepare(RESOLVE)
  const resolveForeign = db.prepare(RESOLVE_FOREIGN)
  const resolveOf = db.prepare(RESOLVE_OF)
  const supersede = db.prepare(SUPERSEDE)

  /** The topic to keep the letter under; undefined if it is already kept. */
  function freeTopic(letter: DeadLetter): string | undefined {
    const { topic, partition, offset } = letter.origin
    for (let n = 1; ; n += 1) {
      const candidate = topicOfLetter(topic, n)
      const row = selectIdentity.get(candidate, partition, offset)
      if (row === undefined) return candidate
      const kept = row['order_id'] === null ? null : fromIdBytes(row['order_id'] as Uint8Array)
      const identity = { orderId: kept, recordTimestamp: Number(row['record_timestamp']) }
      if (isSameLetter(identity, letter)) return undefined
    }
  }

  /** False if the letter is already kept. */
  function insertLetter(letter: DeadLetter, isResolved: boolean, nowMs: number): boolean {
    const topic = freeTopic(letter)
    if (topic === undefined) return false
    const { origin, orderId, key, value, firstCause, lastCause } = letter
    const { changes } = insert.run(
      topic,
      origin.partition,
      origin.offset,
      orderId === null ? null : toIdBytes(orderId),
      isResolved ? 'resolved' : 'dead',
      nowMs,
      firstCause.code,
      firstCause.detail,
      lastCause.code,
      lastCause.detail,
      letter.attempts,
      toMs(letter.firstFailedAt),
      toMs(letter.lastFailedAt),
      letter.fingerprint,
      letter.consumerGroup,
      letter.redriveOf,
      letter.recordTimestamp,
      letter.stack,
      toHeadersJson(letter),
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
    parked.redriven(consumerGroup, { ...origin, topic: originTopicOf(origin.topic) }, nowMs)
  }

  return {
    keep(letters, nowMs) {
      for (const letter of letters.map((some) => withStorableFigures(some, fromMs(nowMs)))) {
        const { origin, orderId } = letter
        const storedFrom = orderId === null ? undefined : orders.originOf(orderId)
        // The retry stored the record before its dead letter arrived, so the letter is already resolved.
        const isResolved = storedFrom !== undefined && samePlace(storedFrom, origin)
        if (!insertLetter(letter, isResolved, nowMs) || isResolved || letter.foreign !== null) continue
        replaceRedriven(letter, nowMs)
        parked.park(letter.consumerGroup, toParkedRecord(letter), false, toMs(letter.lastFailedAt))
      }
    },
    originOfLetter(letterId, orderId) {
      const origin = letterId === null ? undefined : parseDeadLetterId(letterId)
      if (origin === undefined) return undefined
      const row = selectOrder.get(origin.topic, origin.partition, origin.offset, toIdBytes(orderId))
      return row === undefined ? undefined : origin
    },
    resolveOf(orderId, { topic, partition, offset }) {
      resolveOf.run(toIdBytes(orderId), topic, partition, offset)
    },
    resolve({ topic, partition, offset }) {
      resolve.run(topic, partition, offset)
    },
    resolveForeign({ topic, partition, offset }) {
      resolveForeign.run(topic, partition, offset)
    },
  }
}
