import type { ArchivedOrder } from '../domain/archived-order.ts'
import type { Page } from './order-views.ts'
import type { Act } from './redrives.ts'

/**
 * Orders that leave the store for files, and come back. The caller writes the files: it exports orders, writes and
 * verifies them, and only then lets the store give them up. An interruption in between loses nothing, because the store
 * gives up only orders that are still as they were exported.
 *
 * The store keeps the ids, positions and hashes of an archived order and of its changes for ever. So their ids and
 * Idempotency-Keys are never used again, a late delivery of their records is recognised, and a rebuild leaves them
 * archived. Views other than `OrderViews.archivedAt` do not know an archived order.
 */
export interface Archive {
  /**
   * Orders that were accepted before a time and that nothing can change any more without an operator: stored, cancelled or
   * discarded, without a change that is still to be decided, and without a dead letter that is open or being redriven.
   * Oldest first, discarded ones last. A page may be empty although more follow; the last one has no cursor.
   *
   * Two kinds of orders stay in the store: on SQLite the one that was stored last, because its position must not be given
   * out again, and an order whose document is longer than `MAX_ARCHIVED_BYTES`.
   */
  exportOrders(query: ExportQuery): Promise<Page<ExportedOrder>>

  /**
   * Gives up orders that are in an archive's file, in small transactions, so that storing goes on in between. Each order
   * is given up wholly or not at all; after a failure the orders before it stay archived. The first transaction of a file
   * writes an audit entry. Rejects with `conflict` while a rebuild runs or words are indexed anew, and for a time after
   * each step no rebuild can begin, because a rebuild would bring orders back.
   */
  archiveOrders(orders: readonly OrderToArchive[], file: string, act: Act): Promise<ArchiveResult>

  /**
   * Takes orders back, each with its changes and history. On SQLite an order returns to its earlier place in lists, if the
   * store still knows the place; on SQL Server it becomes the newest. An order that the store has is left as it is. `source`
   * is the target of the audit entry. Rejects with `conflict` as above, if the Idempotency-Key of an order belongs to
   * another one by now, and if a document lacks changes that the order had when it was archived last.
   */
  restoreOrders(orders: readonly ArchivedOrder[], source: string, act: Act): Promise<RestoreResult>
}

export interface ExportQuery {
  /** RFC 3339. */
  readonly before: string
  /** 1 to 200. A page ends earlier if its documents are long. */
  readonly limit: number
  readonly cursor?: string
}

export interface OrderToArchive {
  readonly orderId: string
  /** SHA-256 in hex of the document's JSON, as it was exported. */
  readonly hash: string
}

export interface ExportedOrder extends OrderToArchive {
  readonly order: ArchivedOrder
}

export interface ArchiveResult {
  /** Given up by this call. */
  readonly archived: number
  /** Archived before. */
  readonly known: number
  /** The ids of those that are not as they were exported, or that may not be archived any more. They stay. */
  readonly changed: readonly string[]
}

export interface RestoreResult {
  readonly restored: number
  /** Orders that the store had. */
  readonly known: number
}
