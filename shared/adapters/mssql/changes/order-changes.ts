import { bodyHash, changeJson } from '../../../domain/order-events.ts'
import { deadLetterId, parseDeadLetterId } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ChangeToStore, ParkedChange, ParkedRecord } from '../../../ports/order-store.ts'
import type { Parking } from '../dead-letters/parked-records-json.ts'
import { toRounds } from '../orders/rounds.ts'
import { CODE_UNITS, MAX_PARTITION } from '../database/columns.ts'
import { cut, toSqlTime } from '../database/values.ts'

interface Delivery {
  readonly groupId: string
  readonly recordedAt: string
  /**
   * Whether the ledger counts this position as part of this batch. If false, the ledger may have counted the position
   * with an earlier batch.
   */
  readonly isCounted: boolean
}

/** A change whose record could be read. `i` identifies its outcome. */
export interface Delivered extends Delivery {
  readonly i: number
  readonly change: ChangeToStore
}

/** A change whose record is parked because it could not be processed. */
export interface ParkedDelivery extends Parking {
  readonly record: RecordOfChange
  readonly isCounted: boolean
}

export type RecordOfChange = ParkedRecord & { readonly orderId: string; readonly change: ParkedChange }

/** A change without an order id holds back no other change, so its record is parked like any other. */
export function isOfChange(record: ParkedRecord): record is RecordOfChange {
  return record.change !== undefined && record.orderId !== null
}

/** The JSON that DECLARE_CHANGES (order-changes-sql.ts) reads, in log order. */
export function toChangesJson(delivered: readonly Delivered[], parked: readonly ParkedDelivery[]) {
  const entries = [...delivered.map(toDeliveredJson), ...parked.map(toFailedJson)].toSorted(byPlace)
  const rounds = toRounds(entries, ({ row: { changeId, keyHash, letter, ...place } }) => [
    changeId,
    keyHash === null ? null : `key ${keyHash}`,
    `place ${deadLetterId(place)}`,
    letter === undefined ? null : `place ${deadLetterId(letter)}`,
  ])
  return {
    changes: entries.map(({ row }, n) => ({ n, round: rounds[n], ...row })),
    events: entries.map(({ event }) => event),
  }
}

function toDeliveredJson({ i, change: delivered, groupId, recordedAt, isCounted }: Delivered) {
  const { changeId, orderId, change, origin, acceptedAt, redriveOf, idempotencyKeyHash } = delivered
  const row = {
    i,
    groupId,
    changeId,
    orderId,
    kind: change.kind,
    bodyHash: delivered.bodyHash,
    keyHash: idempotencyKeyHash,
    ...origin,
    letter: letterPlace(redriveOf),
    acceptedAt: toSqlTime(acceptedAt),
    recordedAt: toSqlTime(recordedAt),
    parked: null,
    attempt: 0,
    nextAttemptAt: null,
    causeCode: null,
    causeDetail: null,
    isCounted,
  }
  return { event: change, row }
}

function toFailedJson({ record, groupId, parkedAt, isCounted }: ParkedDelivery) {
  const { orderId, origin, state, attempt, nextAttemptAt, cause, acceptedAt, redriveOf } = record
  const { changeId, kind, change, bodyHash: hashBefore, idempotencyKeyHash } = record.change
  const row = {
    i: null,
    groupId,
    changeId,
    orderId,
    kind,
    bodyHash: change === null || hashBefore === null ? null : (hashBefore ?? bodyHash(changeJson(change))),
    // The key is kept only together with the change, because the response to a repeated request needs the change.
    keyHash: change === null ? null : idempotencyKeyHash,
    ...origin,
    letter: letterPlace(redriveOf),
    acceptedAt: acceptedAt === null ? null : toSqlTime(acceptedAt),
    recordedAt: toSqlTime(parkedAt),
    parked: state,
    attempt,
    nextAttemptAt: nextAttemptAt === null ? null : toSqlTime(nextAttemptAt),
    causeCode: cut(cause.code, CODE_UNITS),
    causeDetail: cause.detail,
    isCounted,
  }
  return { event: change, row }
}

function byPlace({ row: one }: { row: RecordPosition }, { row: other }: { row: RecordPosition }): number {
  return compare(one.topic, other.topic) || one.partition - other.partition || one.offset - other.offset
}

/** Undefined for a malformed id, and for a partition number that no record can have. */
export function letterPlace(id: string | null): RecordPosition | undefined {
  const letter = id === null ? undefined : parseDeadLetterId(id)
  return letter !== undefined && letter.partition <= MAX_PARTITION ? letter : undefined
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
