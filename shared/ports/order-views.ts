import type { ChangeView } from '../domain/changes/change-view.ts'
import type { Currency, PaymentMethod } from '../domain/order-choices.ts'
import type { HistoryEntry, OrderView, StoreStatus } from '../domain/order-view.ts'

/**
 * The read side. Readers never wait for writers. A query rejects with `store-unavailable` if the store cannot be read.
 */
export interface OrderViews {
  /** The order as the store knows it; undefined if it has not reached the store, though its id may have been issued. */
  get(orderId: string): Promise<OrderView | undefined>

  /** At most 500 orders in one query; unknown ids are left out. */
  getMany(orderIds: readonly string[]): Promise<ReadonlyMap<string, OrderView>>

  /**
   * Newest first, paged by position in the store and never by OFFSET, so that inserts while paging neither repeat nor
   * hide existing orders. Without `status`, returns all stored orders, including cancelled ones. With `status`, returns
   * the orders that have this status, with their content if it is known.
   */
  list(query: ListQuery): Promise<Page<OrderView>>

  /**
   * Searches customer names, item descriptions, item codes, references, e-mail addresses and order ids. Every word must
   * occur, as a word or as the prefix of a word, in upper or lower case and with or without accents
   * (domain/search/search-words.ts defines words). Two kinds of words are not found by their prefixes. An order is
   * found by its id only if the query contains the whole id or its last twelve digits. On SQLite, a word with digits
   * from an e-mail address, such as `test7`, is found only as a whole; on SQL Server, `test` finds it too.
   *
   * The best matches come first: whole words before prefixes, and the customer's name before the rest. Equal matches
   * are sorted newest first. An order's rank does not change when other orders are added, so pages are stable. Query
   * syntax counts as plain text, and a query without any words finds nothing.
   *
   * After an update that changes how words are folded, earlier orders are folded again in the background. Until then,
   * each order is found by those of its words that the old and the new version fold in the same way.
   */
  search(query: SearchQuery): Promise<Page<OrderView>>

  /**
   * The changes to an order that have reached the store, in order of arrival; empty if there are none. `behind` is the
   * event that the change is waiting for at the time of the query.
   */
  changes(orderId: string, query: { limit: number; cursor?: string }): Promise<Page<ChangeView>>

  /** At most 500 changes in one query, by their ids; unknown ids are left out. */
  getChanges(changeIds: readonly string[]): Promise<ReadonlyMap<string, ChangeView>>

  /**
   * For each of at most 500 orders, how many of its changes are waiting for an earlier event; orders with none are left
   * out.
   */
  countWaiting(orderIds: readonly string[]): Promise<ReadonlyMap<string, number>>

  /** When the order was archived (RFC 3339); undefined if it is not archived. */
  archivedAt(orderId: string): Promise<string | undefined>

  /**
   * The history of an order, oldest entry first; undefined if the store does not know the order. If entries were
   * removed, `entries-removed` is in their place.
   */
  history(orderId: string): Promise<readonly HistoryEntry[] | undefined>
}

export interface ListQuery {
  /** 1 to 200. */
  readonly limit: number
  /** From an earlier page. A cursor from another query is rejected with `invalid-request`. */
  readonly cursor?: string
  readonly customerId?: number
  readonly status?: StoreStatus
  readonly currency?: Currency
  readonly paymentMethod?: PaymentMethod
  /** Matches the whole reference exactly. */
  readonly reference?: string
  /** RFC 3339. Bounds on the time of acceptance: at or after `from`, before `to`. */
  readonly from?: string
  readonly to?: string
  /** Words, as in `search`; the list stays sorted newest first. */
  readonly q?: string
}

export interface SearchQuery {
  readonly q: string
  readonly limit: number
  readonly cursor?: string
  /** Searches only customer names, as the original application did. */
  readonly customersOnly?: boolean
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null
}
