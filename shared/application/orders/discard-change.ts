import type { ChangeView } from '../../domain/changes/change-view.ts'
import { OrderError } from '../../domain/errors.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import type { Act, Redrives } from '../../ports/redrives.ts'
import type { ExamineLedger } from '../ledger/examine-ledger.ts'
import { readPart } from '../log/read-beyond-unreadable.ts'
import { reportUndecided } from '../processing/undecided-changes.ts'

/**
 * Discards a change that waits for an event that will not arrive. Rejects with `change-not-found` if the store does not
 * have the change, and with `conflict` if the change is not waiting or its order may still arrive. The order may still
 * arrive if it, or an earlier change to it, is being retried or is dead, or if the ledger has not accounted for every
 * record that may be older than the change. If a bug prevents the next change from being decided, the bug is
 * reported and that change keeps waiting.
 */
export type DiscardChange = (changeId: string, act: Act) => Promise<ChangeView>

/**
 * The timestamp of the order's record may be later than the acceptance of the change by at most this much. The order id
 * is generated before the record is published, and the log's timestamps may come from another machine.
 */
const MARGIN_MS = 60_000

export function createDiscardChange(dependencies: {
  views: Pick<OrderViews, 'getChanges'>
  redrives: Pick<Redrives, 'discardChange'>
  log: Pick<EventLog, 'read'>
  examineLedger: ExamineLedger
  topic: string
  events: PipelineEmitter
}): DiscardChange {
  const { views, redrives, log, examineLedger, topic, events } = dependencies

  async function find(changeId: string): Promise<ChangeView> {
    const view = (await views.getChanges([changeId])).get(changeId)
    if (view === undefined) throw new OrderError('change-not-found', 'The store has no change with this id.')
    return view
  }

  async function mayOrderCome({ acceptedAt }: ChangeView, now: number): Promise<boolean> {
    const { lines, gaps, damaged, brokenBy } = await examineLedger()
    if (gaps.length > 0 || damaged.length > 0 || brokenBy !== null || acceptedAt === undefined) return true
    const until = Date.parse(acceptedAt) + MARGIN_MS
    if (now <= until) return true
    for (const { row, end, behindTransaction } of lines) {
      if (behindTransaction > 0) return true
      if (row.next >= end) continue
      const { records, unreadable } = await readPart(log, topic, row.partition, row.next, 1)
      const [next] = records
      if (unreadable !== undefined) return true
      if (next !== undefined && next.timestamp <= until) return true
    }
    return false
  }

  return async function discardChange(changeId, act) {
    const view = await find(changeId)
    if (view.behind?.kind === 'order' && (await mayOrderCome(view, Date.parse(act.at)))) {
      const detail = 'The order may still arrive: the ledger has not accounted for all records from before the change.'
      throw new OrderError('conflict', detail)
    }
    for (const next of await redrives.discardChange(changeId, act)) reportUndecided(events, next)
    return find(changeId)
  }
}
