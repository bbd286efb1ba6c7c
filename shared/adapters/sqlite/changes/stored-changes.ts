import type { RecordPosition } from '../../../ports/event-log.ts'
import type {
  ChangeOutcome,
  ChangeToStore,
  ParkedRecord,
  Rejection,
  UndecidableChange,
} from '../../../ports/order-store.ts'
import type { ParsedBatch } from '../../stores/parsed-orders.ts'
import type { DeadLetterRows } from '../dead-letters/keep-letters.ts'
import { isOfChange, type ParkedRecords } from '../dead-letters/parked-records.ts'
import type { LedgerCounting } from '../ledger/ledger-counting.ts'
import type { Decisions } from '../orders/decisions.ts'
import type { OrderChanges } from './order-changes.ts'
import type { Turns } from './turns.ts'

/** Records the changes in a batch in log order, and then applies or rejects those whose turn has come. */
export interface StoredChanges {
  /** Must be called after the batch's orders have been stored. */
  store(batch: ParsedBatch, guard: Guard, nowMs: number): ChangesResult
}

export interface ChangesResult {
  /** One outcome for each of `batch.changes`. */
  readonly outcomes: readonly ChangeOutcome[]
  readonly undecided: readonly UndecidableChange[]
}

/** Does the work for one record, and may return a rejection if that record violates a constraint. */
export type Guard = <T>(work: () => T) => T | Rejection

type Kept = 'new' | 'known' | 'duplicate' | 'withheld' | Rejection

export function prepareStoredChanges(dependencies: {
  changes: OrderChanges
  turns: Turns
  decisions: Decisions
  parked: ParkedRecords
  letters: DeadLetterRows
  ledger: LedgerCounting
}): StoredChanges {
  const { changes, turns, decisions, parked, letters, ledger } = dependencies

  function keep(change: ChangeToStore, groupId: string, isOfLog: boolean, nowMs: number): Kept {
    const { orderId, changeId, origin, redriveOf } = change
    const state = changes.stateOf(changeId)
    const redriven = letters.originOfLetter(redriveOf, orderId, changeId)
    const decided = state === undefined ? undefined : decisions.againstChange(change, state === 'discarded')
    if (decided !== undefined) {
      changes.withhold(change, isOfLog)
      parked.withhold(groupId, origin, decided, nowMs)
      if (redriven !== undefined) letters.resolveForeign(redriven, nowMs)
      return 'withheld'
    }
    const kept = changes.record(change, isOfLog, nowMs)
    if (typeof kept !== 'string') return kept
    const settled = kept === 'duplicate' ? 'duplicate' : 'stored'
    if (parked.settle(groupId, origin, settled, nowMs)) letters.resolveOf(orderId, origin, nowMs, changeId)
    if (redriven !== undefined) letters.endRedrive(redriven, groupId, nowMs)
    return kept
  }

  function outcomeOf({ changeId }: ChangeToStore, kept: Kept): ChangeOutcome {
    if (typeof kept !== 'string') return kept
    if (kept === 'duplicate' || kept === 'withheld') return { kind: kept }
    const state = changes.stateOf(changeId)
    if (state === 'applied') return { kind: 'applied' }
    return { kind: state === 'rejected' ? 'refused' : 'waiting' }
  }

  return {
    store(batch, guard, nowMs) {
      const { groupId, delivered, changes: some = [] } = batch
      const events = [...some, ...batch.parked.filter(isOfChange)].toSorted(byPlace)
      const stored = batch.orders.map(({ orderId }) => orderId)
      // A copy may restore a lost order. The order's applied changes are then reapplied, even if no change is waiting.
      const orders = delivered === 'copy' ? stored : turns.ordersThatWait(stored)
      if (events.length === 0 && orders.length === 0) return { outcomes: [], undecided: [] }
      const kept = new Map<ChangeToStore, Kept>()
      for (const event of events) {
        const isOfLog = delivered === 'origin' || ledger.isCounted(groupId, event.origin)
        if ('changeId' in event)
          kept.set(
            event,
            guard(() => keep(event, groupId, isOfLog, nowMs)),
          )
        else parked.parkChange(groupId, event, isOfLog, nowMs)
      }
      const undecided = [...touched(orders, events)].flatMap((orderId) => turns.take(orderId, nowMs) ?? [])
      for (const change of some) if (kept.get(change) === 'new') changes.tellWaiting(change.changeId, nowMs)
      return { outcomes: some.map((change) => outcomeOf(change, kept.get(change) ?? 'known')), undecided }
    },
  }
}

/** The orders that may have changes whose turn has now come. */
function touched(orderIds: readonly string[], events: readonly (ChangeToStore | ParkedRecord)[]) {
  return new Set([...orderIds, ...events.flatMap(({ orderId }) => orderId ?? [])])
}

/**
 * Sorts by partition and offset. This puts the changes to each order into log order, because all the events of an order
 * are in one partition.
 */
function byPlace({ origin: one }: { origin: RecordPosition }, { origin: other }: { origin: RecordPosition }): number {
  return one.partition - other.partition || one.offset - other.offset
}
