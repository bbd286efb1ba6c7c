import type { DatabaseSync } from 'node:sqlite'
import { forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { newOrderOf } from '../../../domain/order-events.ts'
import { evolve, type Order } from '../../../domain/order.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { RebuildOutcome } from '../../../ports/maintenance.ts'
import type { ChangeToStore, OrderToStore } from '../../../ports/order-store.ts'
import { prepareTombstones } from '../archive/tombstones.ts'
import { createStatements, unlessRefused } from '../database/database.ts'
import { itemValues, orderValues, samePlace, SPAN_ORDERS } from '../orders/stored-orders.ts'
import { prepareAppliedChanges } from '../changes/applied-changes.ts'
import { isKept, type ChangeState } from '../../stores/change-rows.ts'
import type { Row } from '../../stores/rows.ts'
import { REBUILT } from './rebuilt-tables.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { prepareRewording } from '../search/rewording.ts'
import { prepareWordMerging } from '../search/word-merging.ts'
import { prepareSearchableOrders, type SearchableOrder } from '../search/searchable-orders.ts'
import { toIdBytes, toMs } from '../database/values.ts'

/** A live order that was copied because no record produced it. */
interface CopiedOrder {
  readonly seq: number
  readonly origin: RecordPosition
}

/** The rows of a rebuild's new tables. */
export interface RebuiltOrders {
  project(event: OrderToStore | ChangeToStore, groupId: string): RebuildOutcome
  /**
   * Completes the rebuild of the next live orders after `afterSeq`: copies those that were not rebuilt from a record,
   * and indexes all of them. `lastSeq` is the `seq` of the last one.
   */
  complete(afterSeq: number, limit: number): { lastSeq: number; orders: number; copied: readonly CopiedOrder[] }
  /**
   * Copies the live orders that have changed since they were projected or copied. Must be called after all orders are
   * complete.
   */
  refresh(): void
}

const LIVE = `
  SELECT seq, stored_at, recovered, version, forgotten FROM orders
  WHERE order_id = ? AND origin_topic = ? AND origin_partition = ? AND origin_offset = ?`
/** Uses the unique index on change_id. */
const CHANGE = 'SELECT state, origin_topic, origin_partition, origin_offset FROM order_changes WHERE change_id = ?'
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
  INSERT INTO ${REBUILT}orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING`
const INSERT_ITEM = `INSERT INTO ${REBUILT}order_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const NEXT = 'SELECT seq FROM orders WHERE seq > ? ORDER BY seq LIMIT ?'
const MISSING = `
  SELECT seq, origin_topic, origin_partition, origin_offset FROM orders o WHERE seq > ? AND seq <= ?
  AND NOT EXISTS (SELECT 1 FROM ${REBUILT}orders r WHERE r.seq = o.seq)`
const SEQS = '(SELECT value FROM json_each(?))'
const COPY_ORDERS = `INSERT INTO ${REBUILT}orders SELECT * FROM orders WHERE seq IN ${SEQS}`
const COPY_ITEMS = `INSERT INTO ${REBUILT}order_items SELECT * FROM order_items WHERE order_seq IN ${SEQS}`
/**
 * Uses order_changes_applied, which contains one entry for each change that was ever applied, and then the unique
 * indexes.
 */
const CHANGED = `
  SELECT o.seq FROM order_changes c CROSS JOIN orders o ON o.order_id = c.order_id AND o.version = c.version
  CROSS JOIN ${REBUILT}orders r ON r.seq = o.seq WHERE c.state = 'applied' AND r.version <> o.version`
const DELETE_ITEMS = `DELETE FROM ${REBUILT}order_items WHERE order_seq = ?`
const DELETE_ORDER = `DELETE FROM ${REBUILT}orders WHERE seq = ?`
const INSERT_SEARCH = `INSERT INTO ${REBUILT}order_search (rowid, words) VALUES (?, ?)`
const UPSERT_SPANS = `
  INSERT INTO ${REBUILT}order_spans
  SELECT seq / ${SPAN_ORDERS}, min(accepted_at), max(accepted_at) FROM ${REBUILT}orders WHERE seq > ? AND seq <= ?
  GROUP BY seq / ${SPAN_ORDERS}
  ON CONFLICT DO UPDATE SET
    min_accepted_at = min(min_accepted_at, excluded.min_accepted_at),
    max_accepted_at = max(max_accepted_at, excluded.max_accepted_at)`

function originOf(row: Row): RecordPosition {
  const { origin_topic: topic, origin_partition: partition, origin_offset: offset } = row
  return { topic: String(topic), partition: Number(partition), offset: Number(offset) }
}

export function prepareRebuiltOrders(db: DatabaseSync): RebuiltOrders {
  // Statements are prepared when first used, because the new tables exist only during a rebuild.
  const statement = createStatements(db)
  const terms = prepareSearchTerms(db)
  const searchParts = createSearchParts()
  const readSearchable = prepareSearchableOrders(db, REBUILT)
  const readLive = prepareSearchableOrders(db)
  const foldApplied = prepareAppliedChanges(db)
  const tombstones = prepareTombstones(db)

  function insert(seq: number, event: OrderToStore, order: Order, storedAt: number, recovered: boolean): 'projected' {
    const { content, version, cancellation } = order
    const { changes } = statement(INSERT_ORDER).run(
      seq,
      ...orderValues({ ...event, order: content }, storedAt, recovered),
      version,
      cancellation === undefined ? null : toMs(cancellation.at),
      cancellation?.reason ?? null,
      content.forgotten === true ? 1 : 0,
    )
    if (changes === 0) return 'projected' // by an earlier step
    for (const [line, item] of content.orderItems.entries()) {
      statement(INSERT_ITEM).run(seq, line, ...itemValues(item))
    }
    return 'projected'
  }

  function index(afterSeq: number, lastSeq: number, orders: number): void {
    // If an earlier step was rolled back, the words that it wrote are gone too.
    terms.forget()
    for (const order of readSearchable(afterSeq, lastSeq)) {
      const parts = searchParts(order.orderId, order)
      statement(INSERT_SEARCH).run(order.seq, searchableText(order, parts))
      terms.note(parts)
    }
    terms.write()
    prepareWordMerging(db, REBUILT)(orders)
    statement(UPSERT_SPANS).run(afterSeq, lastSeq)
  }

  function isLost(groupId: string, { topic, partition, offset }: RecordPosition): boolean {
    return statement(WAS_STORED).get(groupId, topic, partition, offset) !== undefined
  }

  function projectChange({ changeId, origin }: ChangeToStore, groupId: string): RebuildOutcome {
    const row = statement(CHANGE).get(toIdBytes(changeId))
    if (row === undefined) {
      if (tombstones.ofChange(changeId) !== undefined) return 'archived'
      return isLost(groupId, origin) ? 'lost' : 'not-stored'
    }
    if (!samePlace(originOf(row), origin)) return 'elsewhere'
    return isKept(row['state'] as ChangeState) ? 'projected' : 'not-stored'
  }

  function textOf(order: SearchableOrder): string {
    return searchableText(order, searchParts(order.orderId, order))
  }

  return {
    project(event, groupId) {
      if ('changeId' in event) return projectChange(event, groupId)
      const { topic, partition, offset } = event.origin
      const id = toIdBytes(event.orderId)
      const live = statement(LIVE).get(id, topic, partition, offset)
      if (live !== undefined) {
        const { seq, stored_at: storedAt, recovered, version, forgotten } = live
        // The log may still contain personal data that the store has removed.
        const placed = newOrderOf(event.json)
        const content = forgotten === 1 ? forgetOrder(placed) : placed
        const order = foldApplied(id, evolve(undefined, { kind: 'placed', content }))
        if (order === undefined || order.version !== version) return 'refused'
        const insertOne = () => insert(Number(seq), event, order, Number(storedAt), recovered === 1)
        return unlessRefused(db, insertOne) ?? 'refused'
      }
      if (statement(IS_STORED).get(id) !== undefined) return 'elsewhere'
      if (tombstones.ofOrder(event.orderId) !== undefined) return 'archived'
      return isLost(groupId, event.origin) ? 'lost' : 'not-stored'
    },
    refresh() {
      const reword = prepareRewording(db, REBUILT)
      for (const { seq: changed } of statement(CHANGED).all()) {
        const seq = Number(changed)
        const [before] = readSearchable(seq - 1, seq)
        const [after] = readLive(seq - 1, seq)
        if (before === undefined || after === undefined) continue
        reword(seq, textOf(before), textOf(after))
        statement(DELETE_ITEMS).run(seq)
        statement(DELETE_ORDER).run(seq)
        const list = JSON.stringify([seq])
        statement(COPY_ORDERS).run(list)
        statement(COPY_ITEMS).run(list)
      }
    },
    complete(afterSeq, limit) {
      const seqs = statement(NEXT)
        .all(afterSeq, limit)
        .map(({ seq }) => Number(seq))
      const lastSeq = seqs.at(-1) ?? afterSeq
      const copied = statement(MISSING)
        .all(afterSeq, lastSeq)
        .map((row): CopiedOrder => ({ seq: Number(row['seq']), origin: originOf(row) }))
      const list = JSON.stringify(copied.map(({ seq }) => seq))
      statement(COPY_ORDERS).run(list)
      statement(COPY_ITEMS).run(list)
      index(afterSeq, lastSeq, seqs.length)
      return { lastSeq, orders: seqs.length, copied }
    },
  }
}
