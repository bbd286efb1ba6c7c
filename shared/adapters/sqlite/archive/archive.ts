import type { DatabaseSync } from 'node:sqlite'
import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import type { ArchiveResult, ArchivingAct, OrderToArchive, RestoreResult } from '../../../ports/archive.ts'
import { toExported } from '../../stores/archive/exported-orders.ts'
import { ABANDONED, ARCHIVING_LEASE_MS, notRestorable, rebuildRuns } from '../../stores/refusals.ts'
import { inTransaction } from '../database/database.ts'
import { isConstraintError } from '../database/errors.ts'
import { toIdBytes, toMs } from '../database/values.ts'
import { prepareAudit } from '../dead-letters/audit.ts'
import { prepareRebuildQueries } from '../rebuild/rebuild-queries.ts'
import { prepareReindexRefusal } from '../search/search-reindex.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { prepareWordMerging } from '../search/word-merging.ts'
import { prepareDocuments } from './documents.ts'
import { prepareRestoredOrders } from './restored-orders.ts'
import { prepareTombstones } from './tombstones.ts'

/** Archives and restores orders. Each call is one transaction (port Archive). */
export interface ArchiveCommands {
  archiveOrders(orders: readonly OrderToArchive[], file: string, act: ArchivingAct): ArchiveResult
  restoreOrders(orders: readonly ArchivedOrder[], source: string, act: ArchivingAct): RestoreResult
}

/** Ends an abandoned rebuild. If the rebuild's process is still alive but slow, its next step fails with `conflict`. */
const END_ABANDONED = `UPDATE rebuild SET state = 'failed', why = ? WHERE state = 'running'`
const RENEW = 'INSERT OR REPLACE INTO archiving VALUES (1, ?)'
/** Uses audit_by_target. */
const IS_TOLD = 'SELECT 1 FROM audit WHERE target = ? AND action = ? AND operator = ? AND at > ?'
const TELL_AGAIN_MS = 60 * 60_000

const BURY_ORDER = `
  INSERT INTO archived_orders
  SELECT order_id, seq, origin_topic, origin_partition, origin_offset, body_hash, idempotency_key_hash, accepted_at, ?, ?,
    customer_id
  FROM orders WHERE order_id = ? RETURNING seq`
const BURY_DISCARDED = `
  INSERT INTO archived_orders
  SELECT order_id, NULL, NULL, NULL, NULL, NULL, NULL, accepted_at, ?, ?, customer_id
  FROM order_states WHERE order_id = ?`
const BURY_CHANGES = `
  INSERT INTO archived_changes
  SELECT change_id, order_id, state, origin_topic, origin_partition, origin_offset, body_hash, idempotency_key_hash,
    accepted_at
  FROM order_changes WHERE order_id = ?`
/** The following statements use the indexes on order_id and the primary key of order_items. */
const DELETE_ITEMS = 'DELETE FROM order_items WHERE order_seq = ?'
/** The index does not store the text, so a delete has to supply the indexed words (search/rewording.ts). */
const DELETE_WORDS = `INSERT INTO order_search (order_search, rowid, words) VALUES ('delete', ?, ?)`
const DELETES = ['orders', 'order_changes', 'order_history', 'order_change_history'] as const
const DELETE_STATE = 'DELETE FROM order_states WHERE order_id = ? RETURNING seq'
const DELETE_STATE_WORDS = 'DELETE FROM order_state_search WHERE rowid = ?'

export function prepareArchiveCommands(db: DatabaseSync): ArchiveCommands {
  const read = prepareDocuments(db)
  const searchParts = createSearchParts()
  const tombstones = prepareTombstones(db)
  const restored = prepareRestoredOrders(db)
  const audit = prepareAudit(db)
  const rebuilds = prepareRebuildQueries(db)
  const endAbandoned = db.prepare(END_ABANDONED)
  const refuseReindex = prepareReindexRefusal(db)
  const renew = db.prepare(RENEW)
  const mergeWords = prepareWordMerging(db)
  const isTold = db.prepare(IS_TOLD)
  const buryOrder = db.prepare(BURY_ORDER)
  const buryDiscarded = db.prepare(BURY_DISCARDED)
  const buryChanges = db.prepare(BURY_CHANGES)
  const deleteItems = db.prepare(DELETE_ITEMS)
  const deleteWords = db.prepare(DELETE_WORDS)
  const deletes = DELETES.map((table) => db.prepare(`DELETE FROM ${table} WHERE order_id = ?`))
  const deleteState = db.prepare(DELETE_STATE)
  const deleteStateWords = db.prepare(DELETE_STATE_WORDS)

  function begin(): void {
    const now = Date.now()
    if (rebuilds.getRebuild(now)?.state === 'running') throw rebuildRuns()
    refuseReindex()
    endAbandoned.run(ABANDONED)
    renew.run(now + ARCHIVING_LEASE_MS)
  }

  function tell(action: 'archive' | 'restore-archive', target: string, act: ArchivingAct): void {
    const since = toMs(act.at) - TELL_AGAIN_MS
    const isKnown = act.continues === true && isTold.get(target, action, act.operator, since) !== undefined
    if (!isKnown) audit.record(action, target, act)
  }

  function giveUp({ orderId, order, stored }: ArchivedOrder, file: string, atMs: number): void {
    const id = toIdBytes(orderId)
    buryChanges.run(id)
    if (stored !== null && order !== null) {
      const seq = Number(buryOrder.get(atMs, file, id)?.['seq'])
      const isCancelled = stored.cancelledAt !== null
      deleteWords.run(seq, searchableText({ ...order, isCancelled }, searchParts(orderId, order)))
      deleteItems.run(seq)
    } else {
      buryDiscarded.run(atMs, file, id)
      const seq = deleteState.get(id)?.['seq']
      deleteStateWords.run(Number(seq))
    }
    for (const statement of deletes) statement.run(id)
  }

  function takeBack(order: ArchivedOrder): boolean {
    try {
      return restored.takeBack(order)
    } catch (error) {
      if (!isConstraintError(error)) throw error
      throw notRestorable(order.orderId, error)
    }
  }

  return {
    archiveOrders(orders, file, act) {
      return inTransaction(db, () => {
        begin()
        const documents = read(orders.map(({ orderId }) => orderId))
        const changed: string[] = []
        let [archived, known] = [0, 0]
        for (const { orderId, hash } of orders) {
          const document = documents.get(orderId)
          if (document !== undefined && toExported(document).order.hash === hash) {
            giveUp(document, file, toMs(act.at))
            documents.delete(orderId)
            archived += 1
          } else if (tombstones.ofOrder(orderId) === undefined) changed.push(orderId)
          else known += 1
        }
        mergeWords(archived)
        if (archived > 0) tell('archive', file, act)
        return { archived, known, changed }
      })
    },
    restoreOrders(orders, source, act) {
      return inTransaction(db, () => {
        begin()
        restored.begin()
        const count = orders.filter(takeBack).length
        restored.complete()
        mergeWords(count)
        if (count > 0) tell('restore-archive', source, act)
        return { restored: count, known: orders.length - count }
      })
    },
  }
}
