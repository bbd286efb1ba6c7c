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
import type { OrderChanges } from '../changes/order-changes.ts'
import type { LedgerCounting } from '../ledger/ledger-counting.ts'
import { samePlace, type StoredOrders } from '../orders/stored-orders.ts'
import { isOfChange, type ParkedRecords } from './parked-records.ts'
import { fromIdBytes, fromMs, toIdBytes, toIdBytesOrNull, toMs } from '../database/values.ts'

export interface DeadLetterRows {
  keep(letters: readonly DeadLetter[], nowMs: number): void
  /**
   * The letter's position, if the letter belongs to this order (or change), or if the letter's order could not be read.
   */
  originOfLetter(letterId: string | null, orderId: string, changeId?: string): RecordPosition | undefined
  /**
   * Marks the letter as resolved once the record that was sent for it has been stored. A discarded letter stays
   * discarded.
   */
  endRedrive(letter: RecordPosition, groupId: string, nowMs: number): void
  /** Resolves the letters of this order (or change) at this origin once the record at this origin is stored. */
  resolveOf(orderId: string, origin: RecordPosition, nowMs: number, changeId?: string): void
  /** Resolves another consumer's letter when its redrive has ended, whatever the outcome for our order. */
  resolveForeign(letter: RecordPosition, nowMs: number): void
}

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const INSERT = `
  INSERT INTO dead_letters (
    topic, partition, record_offset, order_id, state, kept_at, first_code, first_detail, last_code, last_detail, attempts,
    first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp, stack, headers, record_key,
    record_value, foreign_failure, change_id, change_kind, settled_at
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const SELECT_ORDER = `SELECT 1 FROM dead_letters WHERE ${KEY} AND (order_id IS NULL OR order_id = ?)
  AND (change_id IS NULL OR change_id = ?)`
const SELECT_IDENTITY = `SELECT order_id, change_id, record_timestamp FROM dead_letters WHERE ${KEY}`
const RESOLVE = `
  UPDATE dead_letters SET state = 'resolved', settled_at = ? WHERE ${KEY} AND state NOT IN ('resolved', 'discarded')`
const RESOLVE_FOREIGN = `${RESOLVE} AND foreign_failure IS NOT NULL`
/**
 * Uses dead_letters_by_order. Also compares the order id, because another log's record may now have the letter's
 * position.
 */
const RESOLVE_OF = `
  UPDATE dead_letters SET state = 'resolved', settled_at = ?6
  WHERE order_id = ?1 AND change_id IS ?5 AND partition = ?3 AND record_offset = ?4
  AND (topic = ?2 OR substr(topic, 1, length(?2) + 1) = ?2 || '@') AND state NOT IN ('resolved', 'discarded')
  AND foreign_failure IS NULL`
const SUPERSEDE = `
  UPDATE dead_letters SET state = 'superseded', settled_at = ? WHERE ${KEY} AND state IN ('dead', 'redriven')`

export function prepareDeadLetterRows(dependencies: {
  db: DatabaseSync
  orders: StoredOrders
  changes: OrderChanges
  parked: ParkedRecords
  ledger: LedgerCounting
}): DeadLetterRows {
  const { db, orders, changes, parked, ledger } = dependencies
  const insert = db.prepare(INSERT)
  const selectOrder = db.prepare(SELECT_ORDER)
  const selectIdentity = db.prepare(SELECT_IDENTITY)
  const resolve = db.prepare(RESOLVE)
  const resolveForeign = db.prepare(RESOLVE_FOREIGN)
  const resolveOf = db.prepare(RESOLVE_OF)
  const supersede = db.prepare(SUPERSEDE)

  /** The topic under which to keep the letter; undefined if the letter is already kept. */
  function freeTopic(letter: DeadLetter): string | undefined {
    const { topic, partition, offset } = letter.origin
    for (let n = 1; ; n += 1) {
      const candidate = topicOfLetter(topic, n)
      const row = selectIdentity.get(candidate, partition, offset)
      if (row === undefined) return candidate
      const kept = row['order_id'] === null ? null : fromIdBytes(row['order_id'] as Uint8Array)
      const change = row['change_id'] === null ? undefined : { changeId: fromIdBytes(row['change_id'] as Uint8Array) }
      const identity = { orderId: kept, recordTimestamp: Number(row['record_timestamp']), ...(change && { change }) }
      if (isSameLetter(identity, letter)) return undefined
    }
  }

  /** Returns false if the store already has the letter. */
  function insertLetter(letter: DeadLetter, isResolved: boolean, nowMs: number): boolean {
    const topic = freeTopic(letter)
    if (topic === undefined) return false
    const { origin, orderId, change, key, value, firstCause, lastCause } = letter
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
      toIdBytesOrNull(change?.changeId),
      change?.kind ?? null,
      isResolved ? nowMs : null,
    )
    return changes > 0
  }

  function replaceRedriven({ redriveOf, consumerGroup }: DeadLetter, nowMs: number): void {
    const origin = redriveOf === null ? undefined : parseDeadLetterId(redriveOf)
    if (origin === undefined) return
    supersede.run(nowMs, origin.topic, origin.partition, origin.offset)
    parked.redriven(consumerGroup, toOrigin(origin), nowMs)
  }

  /** Whether a retry stored the record before its dead letter arrived. */
  function isStored({ origin, orderId, change, lastCause: cause }: DeadLetter): boolean {
    if (change !== undefined) return changes.isKeptFrom(change.changeId, { origin, cause })
    const storedFrom = orderId === null ? undefined : orders.originOf(orderId)
    return storedFrom !== undefined && samePlace(storedFrom, origin)
  }

  return {
    keep(letters, nowMs) {
      for (const letter of letters.map((some) => withStorableFigures(some, fromMs(nowMs)))) {
        const isResolved = isStored(letter)
        if (!insertLetter(letter, isResolved, nowMs) || isResolved || letter.foreign !== null) continue
        replaceRedriven(letter, nowMs)
        const { consumerGroup, origin } = letter
        const [record, failedAt] = [toParkedRecord(letter), toMs(letter.lastFailedAt)]
        if (!isOfChange(record)) parked.park(consumerGroup, record, false, failedAt)
        else parked.parkChange(consumerGroup, record, ledger.isCounted(consumerGroup, origin), failedAt)
      }
    },
    originOfLetter(letterId, orderId, changeId) {
      const origin = letterId === null ? undefined : parseDeadLetterId(letterId)
      if (origin === undefined) return undefined
      const ids = [toIdBytes(orderId), toIdBytesOrNull(changeId)] as const
      const row = selectOrder.get(origin.topic, origin.partition, origin.offset, ...ids)
      return row === undefined ? undefined : origin
    },
    resolveOf(orderId, { topic, partition, offset }, nowMs, changeId) {
      resolveOf.run(toIdBytes(orderId), topic, partition, offset, toIdBytesOrNull(changeId), nowMs)
    },
    endRedrive(letter, groupId, nowMs) {
      resolve.run(nowMs, letter.topic, letter.partition, letter.offset)
      parked.redriven(groupId, toOrigin(letter), nowMs)
    },
    resolveForeign({ topic, partition, offset }, nowMs) {
      resolveForeign.run(nowMs, topic, partition, offset)
    },
  }
}

/** Converts the position under which a letter is kept to the letter's origin. */
export function toOrigin(letter: RecordPosition): RecordPosition {
  return { ...letter, topic: originTopicOf(letter.topic) }
}
