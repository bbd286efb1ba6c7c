import type { DatabaseSync } from 'node:sqlite'
import type { ParkedState } from '../../../ports/ledger.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ParkedRecord } from '../../../ports/order-store.ts'
import type { Decisions } from '../orders/decisions.ts'
import type { StoredOrders } from '../orders/stored-orders.ts'
import type { OrderStates } from '../orders/order-states.ts'
import type { OrderChanges } from '../changes/order-changes.ts'

/**
 * One row for each parked origin, shared by all its copies. Copies may arrive late, repeatedly and in any order, so the
 * row only moves forward: to more attempts, then to `dead`, then to the state that an operator or the store gives it.
 */
export interface ParkedRecords {
  /**
   * Records a failure of the origin or of a copy. `counted` says whether, in this transaction, the ledger counts the
   * origin as parked.
   */
  park(groupId: string, record: ParkedRecord, counted: boolean, atMs: number): void
  /**
   * Notes that processing a change's record failed. The ledger counts that record later (`count`). `isOfLog` says
   * whether the ledger has counted the change's original record or counts it in this transaction.
   */
  parkChange(groupId: string, record: ParkedChangeRecord, isOfLog: boolean, atMs: number): void
  /**
   * Marks the record as withheld by an operator's decision. Changes an existing row only if it is `retrying`.
   */
  withhold(groupId: string, origin: RecordPosition, state: ParkedState, atMs: number): void
  /** Marks the origin as counted. Called when the ledger counts the origin as parked in this transaction. */
  count(groupId: string, origin: RecordPosition): void
  /**
   * Notes that the origin's order has been stored, from this record or from another one. Returns true if the origin had
   * been parked.
   */
  settle(groupId: string, origin: RecordPosition, state: 'stored' | 'duplicate', atMs: number): boolean
  /** Notes that another record, which was sent in place of the origin, was stored or was itself parked. */
  redriven(groupId: string, origin: RecordPosition, atMs: number): void
  /** Whether another record was stored or parked in place of the origin. */
  isRedriven(groupId: string, origin: RecordPosition): boolean
}

type ParkedChangeRecord = ParkedRecord & Required<Pick<ParkedRecord, 'change'>>

const KEY = 'group_id = ? AND topic = ? AND partition = ? AND record_offset = ?'
const SELECT = `SELECT state, attempt FROM parked_records WHERE ${KEY}`
const INSERT = 'INSERT INTO parked_records VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
const MOVE = `UPDATE parked_records SET state = ?, attempt = ?, updated_at = ? WHERE ${KEY}`
const COUNT = `UPDATE parked_records SET counted = 1 WHERE ${KEY} AND counted = 0`
const WITHHOLD = `UPDATE parked_records SET state = ?, updated_at = ? WHERE ${KEY} AND state = 'retrying'`
const SETTLE = `
  UPDATE parked_records SET state = ?, updated_at = ? WHERE ${KEY} AND state IN ('retrying', 'dead')`

interface ParkedRow {
  readonly state: ParkedState
  readonly attempt: number
}

export function prepareParkedRecords(dependencies: {
  db: DatabaseSync
  orders: StoredOrders
  states: OrderStates
  changes: OrderChanges
  decisions: Decisions
}): ParkedRecords {
  const { db, orders, states, changes, decisions } = dependencies
  const select = db.prepare(SELECT)
  const insert = db.prepare(INSERT)
  const move = db.prepare(MOVE)
  const count = db.prepare(COUNT)
  const settle = db.prepare(SETTLE)
  const withhold = db.prepare(WITHHOLD)

  function find(groupId: string, { topic, partition, offset }: RecordPosition): ParkedRow | undefined {
    return select.get(groupId, topic, partition, offset) as ParkedRow | undefined
  }

  function settleAs(state: ParkedState, groupId: string, origin: RecordPosition, atMs: number): boolean {
    return settle.run(state, atMs, groupId, origin.topic, origin.partition, origin.offset).changes > 0
  }

  /**
   * Inserts the origin's row or moves it forward. If `isOther` is true, the row is moved whatever its state is.
   * `isOther` is true, for example, if the order or change is unknown, because an existing row at this position must
   * then belong to a record of another log. Returns whether this failure is new.
   */
  function moveRow(groupId: string, record: ParkedRecord, isOther: boolean, counted: boolean, atMs: number): boolean {
    const { origin, attempt } = record
    const key = [groupId, origin.topic, origin.partition, origin.offset] as const
    const row = find(groupId, origin)
    // A ledger reset deletes the parked rows, and operators' decisions with them. The letter still records the
    // decision.
    const decided = row === undefined ? decisions.ofParked(record) : undefined
    const state = decided ?? record.state
    if (row === undefined) insert.run(...key, state, attempt, counted ? 1 : 0, atMs)
    else if (counted) count.run(...key)
    const isNews = row === undefined ? decided === undefined : isOther || isLater(record, row)
    if (row !== undefined && isNews) move.run(state, attempt, atMs, ...key)
    return isNews
  }

  return {
    park(groupId, record, counted, atMs) {
      const { orderId } = record
      const isStored = orderId !== null && (orders.originOf(orderId) !== undefined || orders.isArchived(orderId))
      const isOther = orderId !== null && !isStored && !states.has(orderId)
      const isNews = moveRow(groupId, record, isOther, counted, atMs)
      // A dead letter or a retry never changes an order that is stored or discarded.
      if (orderId === null || isStored || decisions.isDiscarded(orderId)) return
      if (isNews) states.fail(orderId, record, atMs)
      else states.learn(orderId, record)
    },
    parkChange(groupId, record, isOfLog, atMs) {
      const { changeId } = record.change
      // A change is held again if its turn has come but it cannot be decided. By then, the copy that delivered the
      // change has settled the row. The row's state therefore changes even though the row is already settled.
      const isHeldAgain = changes.isHeldBy(changeId, record)
      moveRow(groupId, record, isHeldAgain || changes.stateOf(changeId) === undefined, false, atMs)
      changes.park(record, record.change, isOfLog, atMs)
    },
    withhold(groupId, origin, state, atMs) {
      const { topic, partition, offset } = origin
      if (find(groupId, origin) === undefined) insert.run(groupId, topic, partition, offset, state, 1, 0, atMs)
      else withhold.run(state, atMs, groupId, topic, partition, offset)
    },
    count(groupId, { topic, partition, offset }) {
      count.run(groupId, topic, partition, offset)
    },
    settle: (groupId, origin, state, atMs) => settleAs(state, groupId, origin, atMs),
    redriven(groupId, origin, atMs) {
      settleAs('redriven', groupId, origin, atMs)
    },
    isRedriven: (groupId, origin) => find(groupId, origin)?.state === 'redriven',
  }
}

export function isOfChange(record: ParkedRecord): record is ParkedChangeRecord {
  return record.change !== undefined
}

function isLater(record: ParkedRecord, row: ParkedRow): boolean {
  if (row.state !== 'retrying') return false
  return record.attempt > row.attempt || (record.attempt === row.attempt && record.state === 'dead')
}
