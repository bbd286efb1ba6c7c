import { evolve } from '../../../domain/order.ts'
import type { UndecidedChange, Verdict } from '../../../domain/changes/turns.ts'
import type {
  BatchPreview,
  ChangePreview,
  ChangeToStore,
  FollowerPreview,
  StoreOutcome,
} from '../../../ports/order-store.ts'
import type { ParsedOrder } from '../../stores/parsed-orders.ts'
import { KEY_REUSED, ORDER_ARCHIVED } from '../../stores/change-refusals.ts'
import type { ChangeState } from '../../stores/change-rows.ts'
import { json } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toChangeOutcome } from './change-outcomes.ts'
import { PREVIEW_CHANGES } from './order-changes-sql.ts'
import { toChangesJson } from './order-changes.ts'
import { decideEach, type Turn, type Turns } from './turns.ts'

/** A batch's orders, their previewed outcomes, and the batch's changes, which come after the orders. */
interface Batch {
  readonly orders: readonly ParsedOrder[]
  readonly outcomes: readonly StoreOutcome[]
  readonly changes: readonly ChangeToStore[]
}

/** How a change in the batch would be recorded. */
interface Recorded {
  readonly change: ChangeToStore
  /** The outcome, if it is known before the change is decided. */
  readonly settled: ChangePreview | undefined
}

/** The maximum number of undecided changes that a preview reads for one order. */
const MAX_UNDECIDED = 1000

/**
 * Previews changes: first how each would be recorded, then how it and the waiting changes would be decided, and finally
 * whether the tables allow the result. Each statement either only reads or is rolled back.
 */
export function createChangePreview(
  query: Query,
  turns: Turns,
  previewOrders: (orders: readonly ParsedOrder[]) => Promise<readonly StoreOutcome[]>,
): (batch: Batch) => Promise<Pick<BatchPreview, 'changes' | 'followers'>> {
  async function record(changes: readonly ChangeToStore[]): Promise<Recorded[]> {
    if (changes.length === 0) return []
    const recordedAt = new Date().toISOString()
    const delivered = changes.map((change, i) => ({ i, change, groupId: '', recordedAt, isCounted: true }))
    const { changes: rows, events } = toChangesJson(delivered, [])
    const batch = { changes: rows.map((row) => ({ ...row, round: 0 })), events }
    const [found = []] = await query(PREVIEW_CHANGES, { batch: json(batch) })
    const byIndex = new Map(found.map((row) => [Number(row['i']), row]))
    return changes.map((change, i) => {
      const row = byIndex.get(i)
      const outcome = String(row?.['outcome'])
      const state = (row?.['seen_state'] ?? undefined) as ChangeState | undefined
      const isDecided = outcome !== 'stored' || state === 'applied' || state === 'rejected'
      if (isDecided) return { change, settled: toChangeOutcome(outcome, state) }
      if (row?.['is_archived'] === true) return { change, settled: { kind: 'refused', cause: ORDER_ARCHIVED } }
      const isReused = row?.['is_key_taken'] === true
      return { change, settled: isReused ? { kind: 'refused', cause: KEY_REUSED } : undefined }
    })
  }

  /**
   * The verdicts on the order's changes. `placed` is the order itself, if the batch contains it and it would be stored.
   */
  async function decide(turn: Turn, placed: ParsedOrder | undefined, changes: readonly UndecidedChange[]) {
    const order = turn.order ?? (placed && evolve(undefined, { kind: 'placed', content: placed.order }))
    return decideEach(order, changes, turn.isDiscarded, async (after) => {
      if (turn.stored !== undefined) return turns.allows(turn, after)
      const [outcome] = placed === undefined ? [] : await previewOrders([{ ...placed, order: after.content }])
      return outcome?.kind !== 'rejected'
    })
  }

  return async function previewChanges({ orders, outcomes, changes }) {
    const recorded = await record(changes)
    const placed = new Map<string, ParsedOrder>()
    for (const [index, order] of orders.entries()) {
      if (outcomes[index]?.kind === 'stored' && !placed.has(order.orderId)) placed.set(order.orderId, order)
    }
    const orderIds = [...new Set([...orders, ...changes].map(({ orderId }) => orderId))]
    const verdicts = new Map<string, Verdict>()
    const followers: FollowerPreview[] = []
    const given = new Set(changes.map(({ changeId }) => changeId))
    for (const turn of await turns.read(orderIds, MAX_UNDECIDED)) {
      const ofOrder = recorded.filter(({ change }) => change.orderId === turn.orderId)
      const decided = await decide(turn, placed.get(turn.orderId), inTurn(turn, ofOrder))
      if (decided.failure !== undefined && given.has(decided.failure.changeId)) throw decided.failure.error
      for (const verdict of decided.verdicts) {
        verdicts.set(verdict.changeId, verdict)
        if (!given.has(verdict.changeId))
          followers.push({ orderId: turn.orderId, changeId: verdict.changeId, ...toPreview(verdict) })
      }
    }
    return {
      changes: recorded.map(({ change, settled }): ChangePreview => {
        const verdict = verdicts.get(change.changeId)
        return settled ?? (verdict === undefined ? { kind: 'waiting' } : toPreview(verdict))
      }),
      followers,
    }
  }
}

/**
 * The order's undecided changes and those of the batch, in the sequence in which their turns come. New changes come
 * last.
 */
function inTurn({ changes }: Turn, recorded: readonly Recorded[]): UndecidedChange[] {
  const known = new Set(changes.map(({ changeId }) => changeId))
  const given = new Map(recorded.map((one) => [one.change.changeId, one]))
  const undecided = changes.flatMap((one): UndecidedChange[] => {
    const recordedOne = given.get(one.changeId)
    if (recordedOne === undefined) return [one]
    const { change, settled } = recordedOne
    // If a change would be refused when recorded, it does not hold back any other change.
    if (settled !== undefined) return settled.kind === 'refused' ? [] : [one]
    return [{ ...one, acceptedAt: change.acceptedAt, change: change.change, state: 'ready' }]
  })
  const added = recorded.filter(({ change, settled }) => settled === undefined && !known.has(change.changeId))
  return [...undecided, ...added.map(({ change }) => toReady(change)).toSorted((one, other) => one.place - other.place)]
}

function toReady({ changeId, acceptedAt, change, origin }: ChangeToStore) {
  return { changeId, acceptedAt, change, state: 'ready', isOvertaken: false, place: origin.offset } as const
}

function toPreview(verdict: Verdict): Pick<FollowerPreview, 'kind' | 'cause'> {
  return verdict.kind === 'applied' ? { kind: 'applied' } : { kind: 'refused', cause: verdict.cause }
}
