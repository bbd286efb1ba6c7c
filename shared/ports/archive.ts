import type { ArchivedOrder } from '../domain/archived-order.ts'
import type { Page } from './order-views.ts'
import type { Act } from './redrives.ts'

/**
 * The maximum length of an archived document, in bytes of JSON. A single request has to restore the order, and a
 * request holds at most 1 MiB.
 */
export const MAX_ARCHIVED_BYTES = 900 * 1024

/**
 * Moves orders from the store to files, and back. The caller writes the files: it exports orders, writes and verifies
 * the files, and only then lets the store remove the orders. An interruption loses nothing, because the store removes
 * only orders that have not changed since they were exported.
 *
 * The store keeps the ids, positions and hashes of an archived order and of its changes forever. Their ids and
 * Idempotency-Keys are therefore never used again, a late delivery of their records is recognised, and a rebuild leaves
 * them archived. `OrderViews.archivedAt` is the only view that knows about archived orders.
 */
export interface Archive {
  /**
   * Returns orders that were accepted before a given time and that only an operator can still change. They are stored,
   * cancelled or discarded, have no undecided change, and have no open dead letter. The oldest orders come first, and
   * discarded orders last. A page may be empty although more pages follow. The last page has no cursor.
   *
   * Two kinds of orders are left out. Orders whose documents are longer than `MAX_ARCHIVED_BYTES` stay in the store. On
   * SQLite, the order that was stored last is kept too, because its position must not be assigned again.
   */
  exportOrders(query: ExportQuery): Promise<Page<ExportedOrder>>

  /**
   * Removes orders that are in an archive file, in small transactions, so that orders can be stored in between. Each
   * order is removed completely or not at all. After a failure, the orders that were already removed stay archived. The
   * first transaction that removes an order writes an audit entry. Rejects with `conflict` while a rebuild or a reindex
   * is running. After each transaction, no rebuild can begin for a while, because a rebuild would bring the orders
   * back.
   */
  archiveOrders(orders: readonly OrderToArchive[], file: string, act: ArchivingAct): Promise<ArchiveResult>

  /**
   * Restores orders, each with its changes and history. An order returns to its earlier position in lists if the store
   * still knows that position, and otherwise becomes the newest. On SQL Server, an order always becomes the newest if
   * the login is not permitted to alter the table. An order that the store already has stays unchanged. The first
   * transaction that restores an order writes an audit entry, with `source` as its target.
   *
   * Rejects with `conflict` like `archiveOrders`. Also rejects with `conflict` if an order's Idempotency-Key now
   * belongs to another order, or if a document lacks changes that its order had when it was last archived.
   */
  restoreOrders(orders: readonly ArchivedOrder[], source: string, act: ArchivingAct): Promise<RestoreResult>
}

export interface ArchivingAct extends Act {
  /**
   * True if an earlier call of the same run has written the audit entry for this file. Another entry is written only if
   * the audit log has no such entry by the same operator within the last hour.
   */
  readonly continues?: boolean
}

export interface ExportQuery {
  /** RFC 3339. */
  readonly before: string
  /** 1 to 200. A page with long documents may contain fewer orders. */
  readonly limit: number
  readonly cursor?: string
}

export interface OrderToArchive {
  readonly orderId: string
  /** SHA-256, in hex, of the document's JSON as exported. */
  readonly hash: string
}

export interface ExportedOrder extends OrderToArchive {
  readonly order: ArchivedOrder
}

export interface ArchiveResult {
  /** The number of orders that this call removed from the store. */
  readonly archived: number
  /** The number of orders that were already archived. */
  readonly known: number
  /** The ids of orders that stay in the store, because they have changed since the export or can no longer be archived. */
  readonly changed: readonly string[]
}

export interface RestoreResult {
  readonly restored: number
  /** The number of orders that the store already had. */
  readonly known: number
}
