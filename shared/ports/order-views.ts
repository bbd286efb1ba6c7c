import type { Currency, PaymentMethod } from '../domain/order-commands.ts'
import type { HistoryEntry, OrderView, StoreStatus } from '../domain/order-view.ts'

/** The read side. Readers never wait for writers. Rejects with `store-unavailable` when the store cannot be asked. */
export interface OrderViews {
  /** What the store knows of an order, or undefined: an issued id may not have reached it yet. */
  get(orderId: string): Promise<OrderView | undefined>

  /** The same for many at once, in one query; ids that are unknown are not in the answer. At most 500. */
  getMany(orderIds: readonly string[]): Promise<ReadonlyMap<string, OrderView>>

  /**
   * Newest first, by the position in the store and never by OFFSET: inserts while paging neither repeat nor hide
   * anything that was there. Without `status`, or with `stored`, the stored orders; with another status those that
   * have it, with their content as far as it is known.
   */
  list(query: ListQuery): Promise<Page<OrderView>>

  /**
   * Full text over customer names, item descriptions, item codes, references, e-mail addresses and order ids: every word must be
   * there, as a word or the beginning of one, in any case and with or without accents (domain/search/search-words.ts says what
   * a word is). An id is found by itself or by its last twelve digits; the words of an e-mail address that have
   * digits, such as `test7`, are found by `test` on SQL Server, and on SQLite only whole. Best first (whole words before
   * beginnings, the customer's name before the rest), then newest; the ranking of an order does not change as others are
   * added, so that pages are stable. What looks like query syntax is just text; a text without a word finds nothing.
   *
   * After an update that folds words in another way, orders that were stored before are gone through in the background.
   * Until then each is found by the words that both ways make of it.
   */
  search(query: SearchQuery): Promise<Page<OrderView>>

  /** What happened to an order, oldest first; undefined when the store does not know it. */
  history(orderId: string): Promise<readonly HistoryEntry[] | undefined>
}

export interface ListQuery {
  /** 1 to 200. */
  readonly limit: number
  /** From an earlier page; rejects with `invalid-request` when it is not one of this query's. */
  readonly cursor?: string
  readonly customerId?: number
  readonly status?: StoreStatus
  readonly currency?: Currency
  readonly paymentMethod?: PaymentMethod
  /** The whole of it, letter by letter. */
  readonly reference?: string
  /** RFC 3339; accepted at or after, and before. */
  readonly from?: string
  readonly to?: string
  /** Words, as in `search`; the order of the list stays newest first. */
  readonly q?: string
}

export interface SearchQuery {
  readonly q: string
  readonly limit: number
  readonly cursor?: string
  /** Look only in customer names: the original application's search. */
  readonly customersOnly?: boolean
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null
}
