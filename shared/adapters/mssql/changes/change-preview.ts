import { takeTurns } from '../../../domain/changes/turns.ts'
import type { ChangeOutcome, ChangeToStore, OrderStore } from '../../../ports/order-store.ts'
import { json, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toChangeOutcome } from './change-outcomes.ts'
import { PREVIEW_CHANGES } from './order-changes-sql.ts'
import { toChangesJson } from './order-changes.ts'
import type { ChangeState } from '../../stores/change-rows.ts'
import type { Turn, Turns, Undecided } from './turns.ts'

/**
 * Previews each change on its own: how it would be recorded, then how it would be decided, and last whether the tables
 * allow the result.
 */
export function createChangePreview(query: Query, turns: Turns): OrderStore['previewChanges'] {
  async function outcomeOf(change: ChangeToStore, recorded: Row, turn: Turn): Promise<ChangeOutcome> {
    const outcome = String(recorded['outcome'])
    const state = (recorded['seen_state'] ?? undefined) as ChangeState | undefined
    if (outcome !== 'stored' || state === 'applied' || state === 'rejected') return toChangeOutcome(outcome, state)
    if (recorded['is_key_taken'] === true) return { kind: 'refused' }
    const { earlier, itself } = inTurn(turn.changes, change)
    const before = takeTurns(turn.order, earlier, turn.isDiscarded)
    if (before.verdicts.length < earlier.length) return { kind: 'waiting' }
    const { order, verdicts } = takeTurns(before.order, [itself], turn.isDiscarded)
    const [verdict] = verdicts
    if (verdict === undefined) return { kind: 'waiting' }
    const isAllowed = verdict.kind === 'applied' && order !== undefined && (await turns.allows(turn, order))
    return { kind: isAllowed ? 'applied' : 'refused' }
  }

  return async function previewChanges(changes) {
    if (changes.length === 0) return []
    const now = new Date().toISOString()
    const delivered = changes.map((change, i) => ({ i, change, groupId: '', recordedAt: now, isCounted: true }))
    const { changes: rows, events } = toChangesJson(delivered, [])
    const batch = { changes: rows.map((row) => ({ ...row, round: 0 })), events }
    const [recorded = []] = await query(PREVIEW_CHANGES, { batch: json(batch) })
    const found = await turns.read([...new Set(changes.map(({ orderId }) => orderId))])
    const outcomes: ChangeOutcome[] = []
    for (const row of recorded.toSorted((one, other) => Number(one['i']) - Number(other['i']))) {
      const change = changes[Number(row['i'])]
      const turn = found.find(({ orderId }) => orderId === change?.orderId)
      if (change !== undefined && turn !== undefined) outcomes.push(await outcomeOf(change, row, turn))
    }
    return outcomes
  }
}

/** The change in its turn, which it has already or would get after all others. */
function inTurn(undecided: readonly Undecided[], { changeId, acceptedAt, change }: ChangeToStore) {
  const index = undecided.findIndex((one) => one.changeId === changeId)
  const earlier = index === -1 ? undecided : undecided.slice(0, index)
  const isOvertaken = undecided[index]?.isOvertaken ?? false
  return { earlier, itself: { changeId, acceptedAt, change, state: 'ready', isOvertaken } as const }
}
