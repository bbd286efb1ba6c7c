import type { DatabaseSync } from 'node:sqlite'
import { fromCursor, toCursor } from '../../../domain/cursor.ts'
import { MAX_ARCHIVED_BYTES, type ExportedOrder, type ExportQuery } from '../../../ports/archive.ts'
import type { Page } from '../../../ports/order-views.ts'
import { fromIdBytes, fromMs, toMs } from '../database/values.ts'
import { SPAN_ORDERS } from '../orders/stored-orders.ts'
import { toExported } from '../../stores/archive/exported-orders.ts'
import { IS_NOT_LAST, IS_SETTLED, prepareDocuments } from './documents.ts'
import { prepareTombstones } from './tombstones.ts'

export interface ArchiveQueries {
  exportOrders(query: ExportQuery): Page<ExportedOrder>
  archivedAt(orderId: string): string | undefined
}

/** The maximum number of orders that are examined for one page, so that other queries do not wait for long. */
const LOOKED_AT = 5000
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/**
 * The following statements use the primary keys. LAST_OLD finds the last span that may contain orders accepted before
 * the given time.
 */
const LAST_OLD = `
  SELECT span FROM order_spans WHERE span >= 0 AND min_accepted_at < ? ORDER BY span DESC LIMIT 1`
const REACH = `SELECT seq FROM orders WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ${LOOKED_AT - 1}`
const NEXT_STORED = `
  SELECT o.seq, o.order_id FROM orders o WHERE o.seq > ? AND o.seq <= ? AND o.accepted_at < ? AND ${IS_NOT_LAST}
    AND ${IS_SETTLED}
  ORDER BY o.seq LIMIT ?`
/** Uses order_states_by_status, whose entries for one status are sorted by `seq`. */
const NEXT_DISCARDED = `
  SELECT o.seq, o.order_id FROM order_states o WHERE o.status = 'discarded' AND o.seq > ? AND o.accepted_at < ?
    AND ${IS_SETTLED}
  ORDER BY o.seq LIMIT ?`

type Table = 'stored' | 'discarded'
interface Found {
  readonly seq: number
  readonly order_id: Uint8Array
}

export function prepareArchiveQueries(db: DatabaseSync): ArchiveQueries {
  const read = prepareDocuments(db)
  const tombstones = prepareTombstones(db)
  const selectLastOld = db.prepare(LAST_OLD)
  const selectReach = db.prepare(REACH)
  const selectStored = db.prepare(NEXT_STORED)
  const selectDiscarded = db.prepare(NEXT_DISCARDED)

  /**
   * Returns the next orders. All orders up to the `seq` in `reach` were examined; `reach` is undefined at the end of
   * the table.
   */
  function stored(after: number, before: number, limit: number): { found: Found[]; reach: number | undefined } {
    const span = Number(selectLastOld.get(before)?.['span'] ?? -1)
    const last = (span + 1) * SPAN_ORDERS - 1
    const seq = selectReach.get(after, last)?.['seq']
    const reach = seq === undefined ? undefined : Number(seq)
    const found = selectStored.all(after, reach ?? last, before, limit) as unknown as Found[]
    return { found, reach: found.length === limit ? found.at(-1)?.seq : reach }
  }

  function discarded(after: number, before: number, limit: number): { found: Found[]; reach: number | undefined } {
    const found = selectDiscarded.all(after, before, limit) as unknown as Found[]
    return { found, reach: found.length === limit ? found.at(-1)?.seq : undefined }
  }

  return {
    exportOrders(query) {
      const { limit } = query
      const before = toMs(query.before)
      const [table, after] = (fromCursor(query, ['string', 'number']) ?? ['stored', 0]) as [Table, number]
      const { found, reach } = table === 'stored' ? stored(after, before, limit) : discarded(after, before, limit)
      const documents = read(found.map(({ order_id: id }) => fromIdBytes(id)))
      const items: ExportedOrder[] = []
      let bytes = 0
      for (const { seq, order_id: id } of found) {
        const document = documents.get(fromIdBytes(id))
        if (document === undefined) continue
        const exported = toExported(document)
        if (exported.bytes > MAX_ARCHIVED_BYTES) continue
        items.push(exported.order)
        bytes += exported.bytes
        if (bytes > MAX_PAGE_BYTES) return { items, nextCursor: toCursor(query, [table, seq]) }
      }
      if (reach !== undefined) return { items, nextCursor: toCursor(query, [table, reach]) }
      return { items, nextCursor: table === 'stored' ? toCursor(query, ['discarded', 0]) : null }
    },
    archivedAt(orderId) {
      const row = tombstones.ofOrder(orderId)
      return row && fromMs(row.archived_at)
    },
  }
}
