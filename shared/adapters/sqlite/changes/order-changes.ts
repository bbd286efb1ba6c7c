import type { DatabaseSync } from 'node:sqlite'
import type { ChangeKind, OrderChange } from '../../../domain/changes/order-changes.ts'
import { bodyHash, changeJson } from '../../../domain/order-events.ts'
import type { Cause } from '../../../domain/order-view.ts'
import type { Verdict } from '../../../domain/changes/turns.ts'
import { originTopicOf, parseDeadLetterId, type DeadLetterSummary } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ChangeToStore, ParkedChange, ParkedRecord, Rejection } from '../../../ports/order-store.ts'
import { isKept, type ChangeState } from '../../stores/change-rows.ts'
import {
  CHANGE_ID_REUSED,
  EARLIER_DISCARDED,
  KEY_REUSED,
  NOT_DECIDED,
  ORDER_ARCHIVED,
} from '../../stores/change-refusals.ts'
import type { ChangeTombstone, Tombstones } from '../archive/tombstones.ts'
import type { ActInHistory } from '../dead-letters/audit.ts'
import { fromIdBytes, sameBytes, toHashBytes, toIdBytes, toMs } from '../database/values.ts'
import { samePlace } from '../orders/stored-orders.ts'
import { prepareChangeHistory } from './change-history.ts'

/** The rows of changes. */
export interface OrderChanges {
  /** The state of a change, even if the change is archived. Undefined if the store has never seen the change. */
  stateOf(changeId: string): ChangeState | undefined
  /**
   * Keeps a readable change. `isCounted` says whether the ledger has counted its origin, with this batch or earlier.
   * Returns `new` if the change now waits for its turn, and `known` if the store already had it from this record. A new
   * change that can never take its turn, such as a change to an archived order, is rejected, and the result is `known`
   * too.
   */
  record(change: ChangeToStore, isCounted: boolean, atMs: number): 'new' | 'known' | 'duplicate' | Rejection
  /**
   * Gives a known change its place in the sequence and its content, if it still lacks them. The change's state stays
   * the same, because an operator's decision withholds its record.
   */
  withhold(change: ChangeToStore, isCounted: boolean): void
  /**
   * Records the failure of a change's record, of its copy or of its redrive. A change that is already waiting, applied,
   * rejected or discarded keeps its state, unless the failure is that it could not be decided.
   */
  park(record: ParkedRecord, change: ParkedChange, isCounted: boolean, atMs: number): void
  /** Adds an entry to the history of a change that has to wait. */
  tellWaiting(changeId: string, atMs: number): void
  /** Writes the verdict on a change whose turn has come. */
  decide(verdict: Verdict, orderId: string, kind: ChangeKind, atMs: number): void
  /**
   * Moves a dead-lettered change to `discarded`, or a discarded one to `dead-lettered`, because its letter has been
   * discarded or restored. Returns false if the change is no longer in the expected state, or if the stored change came
   * from another record that is not discarded.
   */
  move(changeId: string, letter: DeadLetterSummary, to: 'dead-lettered' | 'discarded', act: ActInHistory): boolean
  /** The id of the order that a change belongs to; undefined if the store does not have the change. */
  orderOf(changeId: string): string | undefined
  /**
   * Discards a waiting change, unless its order or an earlier change to that order is being retried or is
   * dead-lettered. A change to a stored order is discarded only if it cannot be decided. Returns whether the change was
   * discarded.
   */
  discardWaiting(changeId: string, isUndecidable: boolean, act: ActInHistory): boolean
  /** Rejects the changes that wait behind a discarded one. */
  rejectBehind(changeId: string, atMs: number): void
  /** Whether the store already has the change from the same record; if so, the failure was reported too late. */
  isKeptFrom(changeId: string, failure: Pick<ParkedRecord, 'origin' | 'cause'>): boolean
  /** Whether the change waits only because of this failure: its turn had come, but it could not be decided. */
  isHeldBy(changeId: string, failure: Pick<ParkedRecord, 'origin' | 'cause'>): boolean
}

/** Uses the unique index on change_id. */
const SELECT = `
  SELECT seq, order_id, kind, state, early, event IS NOT NULL AS is_readable, body_hash, origin_topic, origin_partition,
    origin_offset, attempt
  FROM order_changes WHERE change_id = ?`
const SELECT_KEY = 'SELECT 1 FROM order_changes WHERE idempotency_key_hash = ? AND change_id <> ?'
const INSERT = `
  INSERT INTO order_changes (
    change_id, order_id, kind, state, early, event, body_hash, idempotency_key_hash, origin_topic, origin_partition,
    origin_offset, accepted_at, updated_at, cause_code, cause_detail, attempt, next_attempt_at
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** Puts the change last, because batches of original records deliver changes in the order of the log. */
const GIVE_TURN = `
  UPDATE order_changes SET early = 0, seq = (SELECT max(seq) + 1 FROM order_changes) WHERE change_id = ?`
const KEEP = `
  UPDATE order_changes SET
    state = ?, event = ?, body_hash = coalesce(?, body_hash), idempotency_key_hash = ?, origin_topic = ?, origin_partition = ?,
    origin_offset = ?, accepted_at = ?, updated_at = ?, cause_code = ?, cause_detail = ?, next_attempt_at = NULL
  WHERE change_id = ?`
const LEARN = `
  UPDATE order_changes SET event = ?, body_hash = ?, idempotency_key_hash = coalesce(?, idempotency_key_hash)
  WHERE change_id = ? AND event IS NULL`
const FAIL = `
  UPDATE order_changes SET
    state = ?, origin_topic = ?, origin_partition = ?, origin_offset = ?, accepted_at = coalesce(?, accepted_at),
    updated_at = ?, cause_code = ?, cause_detail = ?, attempt = ?, next_attempt_at = ?
  WHERE change_id = ?`
const APPLY = `UPDATE order_changes SET state = 'applied', version = ?, updated_at = ? WHERE change_id = ?`
const REJECT = `
  UPDATE order_changes SET state = 'rejected', cause_code = ?, cause_detail = ?, updated_at = ? WHERE change_id = ?`
const MOVE = 'UPDATE order_changes SET state = ?, updated_at = ? WHERE change_id = ?'
const SELECT_DISCARDED = `
  SELECT 1 FROM parked_records
  WHERE group_id = ? AND topic = ? AND partition = ? AND record_offset = ? AND state = 'discarded'`
/** Uses the unique indexes and order_changes_undecided, whose condition names these three states. */
const DISCARD_WAITING = `
  UPDATE order_changes SET state = 'discarded', updated_at = ? WHERE change_id = ? AND state = 'waiting' AND early = 0
    AND (? OR NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_id = order_changes.order_id))
    AND NOT EXISTS (SELECT 1 FROM order_states s WHERE s.order_id = order_changes.order_id)
    AND NOT EXISTS (SELECT 1 FROM order_changes e
      WHERE e.order_id = order_changes.order_id AND e.state IN ('waiting', 'retrying', 'dead-lettered')
        AND e.state <> 'waiting' AND e.early = 0 AND e.seq < order_changes.seq)
  RETURNING order_id`
/** Uses order_changes_undecided. */
const SELECT_BEHIND = `
  SELECT change_id FROM order_changes
  WHERE order_id = ? AND seq > ? AND state IN ('waiting', 'retrying', 'dead-lettered') AND state = 'waiting' AND early = 0
  ORDER BY seq`

interface ChangeRow {
  readonly seq: number
  readonly order_id: Uint8Array
  readonly kind: ChangeKind
  readonly state: ChangeState
  readonly early: 0 | 1
  readonly is_readable: 0 | 1
  readonly body_hash: Uint8Array | null
  readonly origin_topic: string
  readonly origin_partition: number
  readonly origin_offset: number
  readonly attempt: number
}

export function prepareOrderChanges(
  db: DatabaseSync,
  tombstones: Pick<Tombstones, 'ofOrder' | 'ofChange' | 'hasChangeKey'>,
): OrderChanges {
  const select = db.prepare(SELECT)
  const selectKey = db.prepare(SELECT_KEY)
  const insert = db.prepare(INSERT)
  const giveTurn = db.prepare(GIVE_TURN)
  const keep = db.prepare(KEEP)
  const learn = db.prepare(LEARN)
  const fail = db.prepare(FAIL)
  const apply = db.prepare(APPLY)
  const reject = db.prepare(REJECT)
  const move = db.prepare(MOVE)
  const selectDiscarded = db.prepare(SELECT_DISCARDED)
  const discardWaiting = db.prepare(DISCARD_WAITING)
  const selectBehind = db.prepare(SELECT_BEHIND)
  const history = prepareChangeHistory(db)

  function find(changeId: string): ChangeRow | undefined {
    return select.get(toIdBytes(changeId)) as ChangeRow | undefined
  }

  /** The hash of the change's Idempotency-Key; null if the change has no key, or if another change has the same key. */
  function freeKey(keyHash: string | null, id: Uint8Array): Uint8Array | null {
    const key = keyHash === null ? null : toHashBytes(keyHash)
    return key === null || selectKey.get(key, id) !== undefined || tombstones.hasChangeKey(key) ? null : key
  }

  /** Why a readable change can never take its turn; undefined if it can. */
  function refusalOf({ orderId, idempotencyKeyHash }: ChangeToStore, key: Uint8Array | null): Cause | undefined {
    if (tombstones.ofOrder(orderId) !== undefined) return ORDER_ARCHIVED
    return idempotencyKeyHash !== null && key === null ? KEY_REUSED : undefined
  }

  function isDiscarded(groupId: string, { topic, partition, offset }: RecordPosition): boolean {
    return selectDiscarded.get(groupId, topic, partition, offset) !== undefined
  }

  function rejectOne(id: Uint8Array, orderId: Uint8Array, cause: Cause, atMs: number): void {
    reject.run(cause.code, cause.detail, atMs, id)
    history.tell(orderId, id, atMs, { kind: 'change-rejected', cause })
  }

  return {
    stateOf: (changeId) => find(changeId)?.state ?? tombstones.ofChange(changeId)?.state,
    record(change, isCounted, atMs) {
      const { orderId, changeId, origin, idempotencyKeyHash } = change
      const row = find(changeId)
      const hash = hashIn(change)
      const archived = row === undefined ? tombstones.ofChange(changeId) : undefined
      if (archived !== undefined) {
        if (!isOf(archived, orderId, hash)) return CHANGE_ID_REUSED
        return samePlace(originIn(archived), origin) ? 'known' : 'duplicate'
      }
      if (row !== undefined && !isOf(row, orderId, hash)) return CHANGE_ID_REUSED
      const isInTurnNow = row?.early === 1 && isCounted
      if (isInTurnNow) giveTurn.run(toIdBytes(changeId))
      const isHere = row !== undefined && samePlace(originIn(row), origin)
      if (row !== undefined && !isHeld(row)) {
        if (!isHere) return 'duplicate'
        return isInTurnNow && row.state === 'waiting' ? 'new' : 'known'
      }
      const [id, order] = [toIdBytes(changeId), toIdBytes(orderId)]
      const key = freeKey(idempotencyKeyHash, id)
      const refusal = refusalOf(change, key)
      const { code, detail } = refusal ?? { code: null, detail: null }
      const state: ChangeState = refusal === undefined ? 'waiting' : 'rejected'
      const content = [JSON.stringify(change.change), hash, key] as const
      const place = [origin.topic, origin.partition, origin.offset] as const
      const times = [toMs(change.acceptedAt), atMs] as const
      if (row !== undefined) keep.run(state, ...content, ...place, ...times, code, detail, id)
      else {
        const early = isCounted ? 0 : 1
        insert.run(id, order, change.change.kind, state, early, ...content, ...place, ...times, code, detail, 0, null)
      }
      if (refusal === undefined) return 'new'
      history.tell(order, id, atMs, { kind: 'change-rejected', cause: refusal })
      return 'known'
    },
    withhold(change, isCounted) {
      const row = find(change.changeId)
      const [id, hash] = [toIdBytes(change.changeId), hashIn(change)]
      if (row === undefined || !isOf(row, change.orderId, hash)) return
      if (row.early === 1 && isCounted) giveTurn.run(id)
      const key = freeKey(change.idempotencyKeyHash, id)
      if (row.is_readable === 0) learn.run(JSON.stringify(change.change), hash, key, id)
    },
    park(record, { changeId, kind, change, bodyHash: hashBefore, idempotencyKeyHash }, isCounted, atMs) {
      const { orderId, origin, cause, attempt } = record
      if (orderId === null) return
      const row = find(changeId)
      // An archived change is already settled.
      if (row === undefined && tombstones.ofChange(changeId) !== undefined) return
      const [id, order] = [toIdBytes(changeId), toIdBytes(orderId)]
      const [event, hash] = change === null ? [null, null] : [JSON.stringify(change), hashOf(change, hashBefore)]
      // The key is kept only to answer repeated requests, which is possible only if the change itself is known.
      const key = change === null ? null : freeKey(idempotencyKeyHash, id)
      // The id belongs to another change, so this one gets no row.
      if (row !== undefined && !isOf(row, orderId, hash)) return
      if (row?.early === 1 && isCounted) giveTurn.run(id)
      const isHeldAgain = isUndecided(row, record)
      if (row !== undefined && !isHeld(row) && !isHeldAgain) return
      if (row?.is_readable === 0 && event !== null) learn.run(event, hash, key, id)
      if (row !== undefined && !isHeldAgain && !isNews(record, row)) return
      const state = record.state === 'dead' ? 'dead-lettered' : 'retrying'
      const acceptedAt = record.acceptedAt === null ? null : toMs(record.acceptedAt)
      const nextAttemptAt = record.nextAttemptAt === null ? null : toMs(record.nextAttemptAt)
      const place = [origin.topic, origin.partition, origin.offset] as const
      const failure = [acceptedAt, atMs, cause.code, cause.detail, attempt, nextAttemptAt] as const
      if (row !== undefined) fail.run(state, ...place, ...failure, id)
      else insert.run(id, order, kind, state, isCounted ? 0 : 1, event, hash, key, ...place, ...failure)
      const told = record.state === 'dead' ? 'dead-lettered' : 'attempt-failed'
      history.tell(order, id, atMs, { kind: told, attempt, nextAttemptAt, cause })
    },
    tellWaiting(changeId, atMs) {
      const row = find(changeId)
      // A change without a place in the sequence gets no entry, because it may be decided as soon as it gets a place.
      if (row?.state === 'waiting' && row.early === 0)
        history.tell(row.order_id, toIdBytes(changeId), atMs, { kind: 'change-waits' })
    },
    decide(verdict, orderId, kind, atMs) {
      const [id, order] = [toIdBytes(verdict.changeId), toIdBytes(orderId)]
      if (verdict.kind === 'refused') {
        rejectOne(id, order, verdict.cause, atMs)
        return
      }
      const { version } = verdict
      apply.run(version, atMs, id)
      history.tell(order, id, atMs, { kind: kind === 'amend' ? 'amended' : 'cancelled', version })
    },
    move(changeId, letter, to, act) {
      const row = find(changeId)
      const from = to === 'discarded' ? 'dead-lettered' : 'discarded'
      if (row?.state !== from) return false
      // A record that fails again after its letter was discarded takes the row over, but nobody can act on its letter.
      if (!samePlace(originIn(row), letter.origin) && !isDiscarded(letter.consumerGroup, originIn(row))) return false
      const id = toIdBytes(changeId)
      move.run(to, toMs(act.at), id)
      const kind = to === 'discarded' ? 'discarded' : 'restored'
      history.tell(row.order_id, id, toMs(act.at), { kind, reason: act.reason })
      return true
    },
    orderOf(changeId) {
      const row = find(changeId)
      return row && fromIdBytes(row.order_id)
    },
    discardWaiting(changeId, isUndecidable, { at, reason }) {
      const id = toIdBytes(changeId)
      const row = discardWaiting.get(toMs(at), id, isUndecidable ? 1 : 0)
      if (row === undefined) return false
      history.tell(row['order_id'] as Uint8Array, id, toMs(at), { kind: 'discarded', reason })
      return true
    },
    rejectBehind(changeId, atMs) {
      const row = find(changeId)
      // Nothing waits behind a change that has no place in the sequence yet.
      if (row === undefined || row.early === 1) return
      for (const { change_id: id } of selectBehind.all(row.order_id, row.seq)) {
        rejectOne(id as Uint8Array, row.order_id, EARLIER_DISCARDED, atMs)
      }
    },
    isKeptFrom(changeId, failure) {
      const row = find(changeId) ?? tombstones.ofChange(changeId)
      if (row === undefined || !isKept(row.state) || isUndecided(row, failure)) return false
      return samePlace(originIn(row), failure.origin)
    },
    isHeldBy: (changeId, failure) => isUndecided(find(changeId), failure),
  }
}

type Placed = Pick<ChangeRow, keyof ChangeTombstone>

function isUndecided(row: Placed | undefined, { origin, cause }: Pick<ParkedRecord, 'origin' | 'cause'>): boolean {
  return row?.state === 'waiting' && cause.code === NOT_DECIDED && samePlace(originIn(row), origin)
}

/** Whether the change's record is in a retry topic or is a dead letter. */
function isHeld({ state }: ChangeRow): boolean {
  return state === 'retrying' || state === 'dead-lettered'
}

/** A change that could not be read has no hash to compare. */
function isOf(row: Placed, orderId: string, hash: Uint8Array | null): boolean {
  const isSame = row.body_hash === null || hash === null || sameBytes(row.body_hash, hash)
  return isSame && sameBytes(row.order_id, toIdBytes(orderId))
}

/**
 * Whether the failure is newer than the row: a later failure of the row's record, or a failure of the record that was
 * redriven in its place.
 */
function isNews(record: ParkedRecord, row: ChangeRow): boolean {
  if (!samePlace(originIn(row), record.origin)) {
    const redriven = record.redriveOf === null ? undefined : parseDeadLetterId(record.redriveOf)
    if (redriven === undefined) return false
    return samePlace(originIn(row), { ...redriven, topic: originTopicOf(redriven.topic) })
  }
  if (row.state !== 'retrying') return false
  return record.attempt > row.attempt || (record.attempt === row.attempt && record.state === 'dead')
}

function hashOf(change: OrderChange, hashBefore?: string | null): Uint8Array | null {
  return hashBefore === null ? null : toHashBytes(hashBefore ?? bodyHash(changeJson(change)))
}

function originIn(row: Placed): RecordPosition {
  return { topic: row.origin_topic, partition: row.origin_partition, offset: row.origin_offset }
}

/** Null if the change's personal data was removed and the hash is no longer known. */
function hashIn({ bodyHash: hash }: Pick<ChangeToStore, 'bodyHash'>): Uint8Array | null {
  return hash === null ? null : toHashBytes(hash)
}
