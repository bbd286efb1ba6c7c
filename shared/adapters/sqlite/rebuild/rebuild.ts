import type { DatabaseSync } from 'node:sqlite'
import { OrderError } from '../../../domain/errors.ts'
import type { Rebuild, RebuildOutcome, RebuildProgress, RebuildStep } from '../../../ports/maintenance.ts'
import type { ChangeToStore, OrderToStore } from '../../../ports/order-store.ts'
import type { Act } from '../../../ports/redrives.ts'
import { archivingRuns } from '../../stores/refusals.ts'
import { inTransaction } from '../database/database.ts'
import { prepareAudit } from '../dead-letters/audit.ts'
import { prepareRebuildQueries } from './rebuild-queries.ts'
import { prepareRebuiltOrders } from './rebuilt-orders.ts'
import { prepareRebuiltTables } from './rebuilt-tables.ts'
import { hasLeft } from '../../stores/rebuild-row.ts'
import { toMs } from '../database/values.ts'

/** The steps of a rebuild, each in one transaction (port Maintenance). */
export interface RebuildCommands {
  beginRebuild(step: RebuildStep, act: Act): Rebuild
  projectOrders(
    step: RebuildStep,
    groupId: string,
    events: readonly (OrderToStore | ChangeToStore)[],
  ): readonly RebuildOutcome[]
  completeOrders(
    step: RebuildStep,
    limit: number,
  ): { readonly orders: number; readonly kept: number; readonly expired: number }
  swapOrders(step: RebuildStep): Rebuild
  abandonRebuild(owner: string, why: string, at: string): void
}

/** The target named in audit entries. */
const TARGET = 'orders'
const COMPLETED_AT_ONCE = 500

const IS_TAKEN = `SELECT 1 FROM rebuild WHERE state = 'running' AND leased_until > ? AND owner <> ?`
const IS_ARCHIVING = 'SELECT 1 FROM archiving WHERE id = 1 AND leased_until > ?'
const BEGIN = `
  INSERT OR REPLACE INTO rebuild
  SELECT 1, 'running', NULL, ?1, ?2 + ?3, ?2, ?2, ?4, coalesce(max(seq), 0), 0, ?5 FROM orders`
const RENEW = `
  UPDATE rebuild SET leased_until = ?2 + ?3, updated_at = ?2, progress = ?4 WHERE owner = ?1 AND state = 'running'
  RETURNING last_seq, completed_seq`
const COMPLETE = 'UPDATE rebuild SET completed_seq = ?'
const END = `UPDATE rebuild SET state = ?, why = ?, updated_at = ?, progress = ? WHERE owner = ? AND state = 'running'`
const FAIL = `UPDATE rebuild SET state = 'failed', why = ?, updated_at = ? WHERE owner = ? AND state = 'running'`

interface Place {
  readonly lastSeq: number
  readonly completedSeq: number
}

export function prepareRebuildCommands(db: DatabaseSync): RebuildCommands {
  const tables = prepareRebuiltTables(db)
  const rows = prepareRebuiltOrders(db)
  const queries = prepareRebuildQueries(db)
  const audit = prepareAudit(db)
  const isTaken = db.prepare(IS_TAKEN)
  const isArchiving = db.prepare(IS_ARCHIVING)
  const begin = db.prepare(BEGIN)
  const renew = db.prepare(RENEW)
  const saveCompleted = db.prepare(COMPLETE)
  const end = db.prepare(END)
  const fail = db.prepare(FAIL)

  function current(at: string): Rebuild {
    const rebuild = queries.getRebuild(toMs(at))
    if (rebuild === undefined) throw new OrderError('internal', 'The rebuild has no row.')
    return rebuild
  }

  /** Does the work of one step. Throws `conflict` if another process has begun a rebuild in the meantime. */
  function inStep<T>({ owner, at, leaseMs, progress }: RebuildStep, work: (place: Place) => T): T {
    return inTransaction(db, () => {
      const row = renew.get(owner, toMs(at), leaseMs, JSON.stringify(progress))
      if (row === undefined) throw new OrderError('conflict', 'Another process has begun a new rebuild.')
      return work({ lastSeq: Number(row['last_seq']), completedSeq: Number(row['completed_seq']) })
    })
  }

  function complete({ lastSeq, completedSeq }: Place, limit: number, { logStarts }: RebuildStep) {
    const done = rows.complete(completedSeq, limit)
    saveCompleted.run(done.lastSeq)
    const kept = done.copied.filter(({ seq }) => seq <= lastSeq)
    const expired = kept.filter(({ origin }) => hasLeft(logStarts, origin)).length
    return { orders: done.orders, kept: kept.length, expired, completedSeq: done.lastSeq }
  }

  /** Completes all remaining orders. No order can be stored during this transaction, so no order is missed. */
  function completeAll(place: Place, step: RebuildStep): RebuildProgress {
    let { completedSeq } = place
    let { progress } = step
    for (;;) {
      const done = complete({ ...place, completedSeq }, COMPLETED_AT_ONCE, step)
      if (done.orders === 0) return progress
      completedSeq = done.completedSeq
      const { kept, expired, completed } = progress
      progress = {
        ...progress,
        kept: kept + done.kept,
        expired: expired + done.expired,
        completed: completed + done.orders,
      }
    }
  }

  return {
    beginRebuild({ owner, at, leaseMs, progress }, act) {
      return inTransaction(db, () => {
        if (isTaken.get(toMs(at), owner) !== undefined)
          throw new OrderError('conflict', 'A rebuild is running already.')
        if (isArchiving.get(toMs(at)) !== undefined) throw archivingRuns()
        tables.create()
        begin.run(owner, toMs(at), leaseMs, act.operator, JSON.stringify(progress))
        audit.record('rebuild', TARGET, act)
        return current(at)
      })
    },
    projectOrders: (step, groupId, events) => inStep(step, () => events.map((event) => rows.project(event, groupId))),
    completeOrders: (step, limit) =>
      inStep(step, (place) => {
        const { orders, kept, expired } = complete(place, limit, step)
        return { orders, kept, expired }
      }),
    swapOrders(step) {
      return inStep(step, (place) => {
        const progress = completeAll(place, step)
        rows.refresh()
        tables.swap()
        end.run('done', null, toMs(step.at), JSON.stringify(progress), step.owner)
        return current(step.at)
      })
    },
    abandonRebuild(owner, why, at) {
      inTransaction(db, () => {
        if (fail.run(why, toMs(at), owner).changes > 0) tables.drop()
      })
    },
  }
}
