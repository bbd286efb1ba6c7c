import type { DatabaseSync } from 'node:sqlite'
import type { Order } from '../../../domain/order.ts'
import type { ChangeKind, OrderChange } from '../../../domain/changes/order-changes.ts'
import { takeTurns, type UndecidedChange, type Verdict } from '../../../domain/changes/turns.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { UndecidableChange } from '../../../ports/order-store.ts'
import type { ChangeState } from '../../stores/change-rows.ts'
import { decideApart } from '../../stores/decide-apart.ts'
import { unlessRefused } from '../database/database.ts'
import { isBug } from '../database/errors.ts'
import { fromIdBytes, fromMs, toIdBytes, toIdList } from '../database/values.ts'
import { prepareAppliedChanges } from './applied-changes.ts'
import { prepareChangedOrders } from './changed-orders.ts'
import type { OrderChanges } from './order-changes.ts'

/** Applies or rejects changes when their turn has come, within the caller's transaction. */
export interface Turns {
  /**
   * Applies or rejects the order's changes one after the other, until one has to wait. If the order was lost and has
   * been stored again from its record, first reapplies the changes that had been applied to it. Returns the change that
   * could not be decided, if any.
   */
  take(orderId: string, atMs: number): UndecidableChange | undefined
  /** Returns the given orders that have a change waiting for its turn. */
  ordersThatWait(orderIds: readonly string[]): string[]
}

/** Uses the index order_changes_undecided, in which the entries of one order are sorted by seq. */
const SELECT_UNDECIDED = `
  SELECT seq, change_id, kind, state, event, accepted_at, origin_topic, origin_partition, origin_offset FROM order_changes
  WHERE order_id = ? AND state IN ('waiting', 'retrying', 'dead-lettered') AND early = 0 ORDER BY seq`
/** Uses order_changes_applied. An order's changes are applied in ascending order of seq. */
const SELECT_APPLIED = `
  SELECT seq, version FROM order_changes WHERE order_id = ? AND state = 'applied' ORDER BY version DESC LIMIT 1`
/** Uses order_changes_waiting. */
const IS_ANY_WAITING = `SELECT 1 FROM order_changes WHERE state = 'waiting' LIMIT 1`
/** Uses order_changes_undecided, whose condition names these three states. */
const SELECT_WAITING = `
  SELECT DISTINCT order_id FROM order_changes
  WHERE order_id IN (SELECT unhex(value) FROM json_each(?)) AND state IN ('waiting', 'retrying', 'dead-lettered')
    AND state = 'waiting' AND early = 0`

interface UndecidedRow {
  readonly seq: number
  readonly change_id: Uint8Array
  readonly kind: ChangeKind
  readonly state: ChangeState
  readonly event: string | null
  readonly accepted_at: number
  readonly origin_topic: string
  readonly origin_partition: number
  readonly origin_offset: number
}

interface AppliedRow {
  readonly seq: number
  readonly version: number
}

type Kinded = UndecidedChange & { readonly kind: ChangeKind }

export function prepareTurns(db: DatabaseSync, changes: OrderChanges): Turns {
  const selectUndecided = db.prepare(SELECT_UNDECIDED)
  const selectApplied = db.prepare(SELECT_APPLIED)
  const isAnyWaiting = db.prepare(IS_ANY_WAITING)
  const selectWaiting = db.prepare(SELECT_WAITING)
  const orders = prepareChangedOrders(db)
  const foldApplied = prepareAppliedChanges(db)

  function restored(orderId: string, order: Order | undefined, last: AppliedRow | undefined): Order | undefined {
    if (order === undefined || last === undefined || order.version >= last.version) return order
    const whole = foldApplied(toIdBytes(orderId), order)
    if (whole === undefined) return order
    orders.write(orderId, order, whole)
    return whole
  }

  /**
   * Runs the work in a savepoint. Returns `refused` if the work violates a constraint, and the error if our code
   * fails.
   */
  function attempt(work: () => void): 'done' | 'refused' | { readonly error: unknown } {
    try {
      const done = unlessRefused(db, () => {
        work()
        return true
      })
      return done === undefined ? 'refused' : 'done'
    } catch (error) {
      if (!isBug(error)) throw error
      return { error }
    }
  }

  /**
   * Decides which of the changes are applied, and writes the result. If any of this fails, writes nothing and returns
   * false.
   */
  function takeTogether(orderId: string, order: Order | undefined, some: readonly Kinded[], context: Context): boolean {
    const result = attempt(() => {
      const { order: after, verdicts } = takeTurns(order, some, context.isDiscarded)
      if (order !== undefined && after !== undefined && after !== order) orders.write(orderId, order, after)
      note(orderId, some, verdicts, context.atMs)
    })
    return result === 'done'
  }

  function note(orderId: string, some: readonly Kinded[], verdicts: readonly Verdict[], atMs: number): void {
    // `takeTurns` decides changes in order, starting with the first, so each verdict has the index of its change.
    for (const [index, verdict] of verdicts.entries()) {
      changes.decide(verdict, orderId, some[index]?.kind ?? 'amend', atMs)
    }
  }

  /** Decides the changes one by one. Writes each new state of the order, unless the tables do not allow it. */
  function takeApart(orderId: string, order: Order | undefined, some: readonly Kinded[], context: Context) {
    const search = decideApart(order, some, context.isDiscarded)
    let step = search.next()
    while (step.done !== true) {
      const { before, after } = step.value
      const written = attempt(() => orders.write(orderId, before, after))
      step = typeof written === 'string' ? search.next(written === 'done') : search.throw(written.error)
    }
    note(orderId, some, step.value.verdicts, context.atMs)
    return step.value.failure
  }

  return {
    take(orderId, atMs) {
      const id = toIdBytes(orderId)
      const rows = selectUndecided.all(id) as unknown as UndecidedRow[]
      const last = selectApplied.get(id) as AppliedRow | undefined
      const isWaiting = rows[0]?.state === 'waiting'
      if (!isWaiting && last === undefined) return undefined
      const order = restored(orderId, orders.read(orderId), last)
      if (!isWaiting) return undefined
      const isDiscarded = order === undefined && orders.isDiscarded(orderId)
      if (order === undefined && !isDiscarded) return undefined
      const undecided = rows.map((row) => toUndecided(row, last?.seq ?? 0))
      const context = { isDiscarded, atMs }
      if (takeTogether(orderId, order, undecided, context)) return undefined
      const failure = takeApart(orderId, order, undecided, context)
      const row = failure && rows[undecided.findIndex(({ changeId }) => changeId === failure.changeId)]
      return failure && row && { ...failure, origin: originIn(row) }
    },
    ordersThatWait(orderIds) {
      // Usually no change is waiting, so the orders need not be looked up.
      if (orderIds.length === 0 || isAnyWaiting.get() === undefined) return []
      return selectWaiting.all(toIdList(orderIds)).map((row) => fromIdBytes(row['order_id'] as Uint8Array))
    },
  }
}

interface Context {
  readonly isDiscarded: boolean
  readonly atMs: number
}

function originIn(row: UndecidedRow): RecordPosition {
  return { topic: row.origin_topic, partition: row.origin_partition, offset: row.origin_offset }
}

function toUndecided({ seq, change_id, kind, state, event, accepted_at }: UndecidedRow, lastApplied: number): Kinded {
  return {
    changeId: fromIdBytes(change_id),
    kind,
    state: state === 'waiting' ? 'ready' : 'held',
    acceptedAt: fromMs(accepted_at),
    change: event === null ? null : (JSON.parse(event) as OrderChange),
    isOvertaken: seq < lastApplied,
  }
}
