import type { ChangeView } from '../../domain/changes/change-view.ts'
import { OrderError } from '../../domain/errors.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import type { Act, Redrives } from '../../ports/redrives.ts'
import type { ExamineLedger } from '../ledger/examine-ledger.ts'
import { oldestToCome } from '../ledger/oldest-to-come.ts'

/**
 * Discards a change that waits for an event that will not arrive. Rejects with `change-not-found` if the store does not
 * have the change, and with `conflict` if the change does not wait or its order may still arrive: while the order, or
 * an earlier change of it, is retried or dead, and while the ledger has not accounted for every record that is older
 * than the change.
 */
export type DiscardChange = (changeId: string, act: Act) => Promise<ChangeView>

/** The order id is generated before the record is published, and the log's timestamps may come from another machine. */
const MARGIN_MS = 60_000

export function createDiscardChange(dependencies: {
  views: Pick<OrderViews, 'getChanges'>
  redrives: Pick<Redrives, 'discardChange'>
  log: Pick<EventLog, 'read'>
  examineLedger: ExamineLedger
  topic: string
}): DiscardChange {
  const { views, redrives, log, examineLedger, topic } = dependencies

  async function find(changeId: string): Promise<ChangeView> {
    const view = (await views.getChanges([changeId])).get(changeId)
    if (view === undefined) throw new OrderError('change-not-found', 'The store has no change with this id.')
    return view
  }

  async function mayOrderCome({ acceptedAt }: ChangeView, now: number): Promise<boolean> {
    const { lines, gaps, brokenBy } = await examineLedger()
    if (gaps.length > 0 || brokenBy !== null || acceptedAt === undefined) return true
    return (await oldestToCome(log, topic, lines, now)) <= Date.parse(acceptedAt) + MARGIN_MS
  }

  return async function discardChange(changeId, act) {
    const view = await find(changeId)
    if (view.behind?.kind === 'order' && (await mayOrderCome(view, Date.parse(act.at)))) {
      const detail = 'Its order may still come: the ledger has not accounted for all records from before the change.'
      throw new OrderError('conflict', detail)
    }
    await redrives.discardChange(changeId, act)
    return find(changeId)
  }
}
