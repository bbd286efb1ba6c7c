import type { DatabaseSync } from 'node:sqlite'
import type { RebuildOutcome } from '../../../ports/maintenance.ts'
import type { OrderToStore } from '../../../ports/order-store.ts'
import { createStatements, unlessRefused } from '../database/database.ts'
import { itemValues, orderValues, SPAN_ORDERS } from '../orders/stored-orders.ts'
import { REBUILT } from './rebuilt-tables.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { prepareSearchableOrders } from '../search/searchable-orders.ts'
import { toIdBytes } from '../database/values.ts'

/** The rows of a rebuild's new tables. */
export interface RebuiltOrders {
  project(order: OrderToStore, groupId: string): RebuildOutcome
  /** Completes the next live orders after this position. `lastSeq` is the position of the last of them. */
  complete(afterSeq: number, limit: number): { lastSeq: number; orders: number; copied: readonly number[] }
}

const LIVE = `
  SELECT seq, stored_at, recovered FROM orders
  WHERE order_id = ? AND origin_topic = ? AND origin_partition = ? AND origin_offset = ?`
const IS_STORED = 'SELECT 1 FROM orders WHERE order_id = ?'
/** Whether the ledger counted the record at this position as stored. */
const WAS_STORED = `
  SELECT 1 FROM ledger l WHERE group_id = ?1 AND topic = ?2 AND partition = ?3 AND first <= ?4 AND next > ?4
  AND coalesce((SELECT until FROM ledger_gaps g
    WHERE g.group_id = ?1 AND g.topic = ?2 AND g.partition = ?3 AND since <= ?4 ORDER BY since DESC LIMIT 1), 0) <= ?4
  AND NOT EXISTS (SELECT 1 FROM parked_records p
    WHERE p.group_id = ?1 AND p.topic = ?2 AND p.partition = ?3 AND record_offset = ?4
    AND state IN ('retrying', 'dead', 'discarded', 'redriven'))`
const INSERT_ORDER = `
  INSERT INTO ${REBUILT}orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING`
const INSERT_ITEM = `INSERT INTO ${REBUILT}order_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const NEXT = 'SELECT seq FROM orders WHERE seq > ? ORDER BY seq LIMIT ?'
const MISSING = `
  SELECT seq FROM orders o WHERE seq > ? AND seq <= ?
  AND NOT EXISTS (SELECT 1 FROM ${REBUILT}orders r WHERE r.seq = o.seq)`
const SEQS = '(SELECT value FROM json_each(?))'
const COPY_ORDERS = `INSERT INTO ${REBUILT}orders SELECT * FROM orders WHERE seq IN ${SEQS}`
const COPY_ITEMS = `INSERT INTO ${REBUILT}order_items SELECT * FROM order_items WHERE order_seq IN ${SEQS}`
const INSERT_SEARCH = `INSERT INTO ${REBUILT}order_search (rowid, words) VALUES (?, ?)`
const UPSERT_SPANS = `
  INSERT INTO ${REBUILT}order_spans
  SELECT seq / ${SPAN_ORDERS}, min(accepted_at), max(accepted_at) FROM ${REBUILT}orders WHERE seq > ? AND seq <= ?
  GROUP BY seq / ${SPAN_ORDERS}
  ON CONFLICT DO UPDATE SET
    min_accepted_at = min(min_accepted_at, excluded.min_accepted_at),
    max_accepted_at = max(max_accepted_at, excluded.max_accepted_at)`

export function prepareRebuiltOrders(db: DatabaseSync): RebuiltOrders {
  // Statements are prepared when first used, because the new tables exist only during a rebuild.
  const statement = createStatements(db)
  const terms = prepareSearchTerms(db)
  const searchParts = createSearchParts()
  const readSearchable = prepareSearchableOrders(db, REBUILT)

  function insert(seq: number, order: OrderToStore, storedAt: number, recovered: boolean): 'projected' {
    const { changes } = statement(INSERT_ORDER).run(seq, ...orderValues(order, storedAt, recovered))
    if (changes === 0) return 'projected' // by an earlier step
    for (const [line, item] of order.order.orderItems.entries()) {
      statement(INSERT_ITEM).run(seq, line, ...itemValues(item))
    }
    return 'projected'
  }

  function index(afterSeq: number, lastSeq: number): void {
    // An earlier step may have been rolled back.
    terms.forget()
    for (const order of readSearchable(afterSeq, lastSeq)) {
      const parts = searchParts(order.orderId, order)
      statement(INSERT_SEARCH).run(order.seq, searchableText(order, parts))
      terms.note(parts)
    }
    terms.write()
    statement(UPSERT_SPANS).run(afterSeq, lastSeq)
  }

  return {
    project(order, groupId) {
      const { topic, partition, offset } = order.origin
      const id = toIdBytes(order.orderId)
      const live = statement(LIVE).get(id, topic, partition, offset)
      if (live !== undefined) {
        const { seq, stored_at: storedAt, recovered } = live
        return unlessRefused(db, () => insert(Number(seq), order, Number(storedAt), recovered === 1)) ?? 'refused'
      }
      if (statement(IS_STORED).get(id) !== undefined) return 'elsewhere'
      return statement(WAS_STORED).get(groupId, topic, partition, offset) === undefined ? 'not-stored' : 'lost'
    },
    complete(afterSeq, limit) {
      const seqs = statement(NEXT)
        .all(afterSeq, limit)
        .map(({ seq }) => Number(seq))
      const lastSeq = seqs.at(-1) ?? afterSeq
      const copied = statement(MISSING)
        .all(afterSeq, lastSeq)
        .map(({ seq }) => Number(seq))
      const list = JSON.stringify(copied)
      statement(COPY_ORDERS).run(list)
      statement(COPY_ITEMS).run(list)
      index(afterSeq, lastSeq)
      return { lastSeq, orders: seqs.length, copied }
    },
  }
}
