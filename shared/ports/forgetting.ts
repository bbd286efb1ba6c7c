import type { Act } from './redrives.ts'

/**
 * Forgets customers. Names, e-mail addresses and postal addresses are removed from the store. `reference`, `metadata`
 * and the reasons for cancellations are also removed, because they may contain anything. Ids, amounts and items are
 * kept and counted as before.
 */
export interface Forgetting {
  /** The places that still hold the removed data afterwards, one sentence each. */
  readonly remains: readonly string[]

  /** Counts the rows that hold the customer's personal data. Changes nothing. */
  held(customerId: number): Promise<Held>

  /**
   * Removes the customer's personal data from orders, changes, statuses, dead letters and the search index, and records
   * that the customer was forgotten at `act.at`. All of this is one transaction, with an audit entry. Returns what the
   * store held about the customer until then.
   *
   * From then on, any record of an order that was accepted at or before `act.at` is stored without personal data,
   * whether the record comes from the log, a retry, a redrive or a rebuild. An order that is accepted later is not
   * affected, and is stored with its data. A change is treated like the order that it belongs to. Forgetting the
   * customer a second time removes the data that has been stored since the first time.
   *
   * Rejects with `conflict` while a rebuild is running, or while orders of an earlier version are being indexed.
   */
  forget(customerId: number, act: Act): Promise<Held>

  /**
   * Removes personal data from the changes and dead letters of orders that so far are only in the log. The caller has
   * found these orders in the log, and all of them belong to the customer.
   */
  forgetOrders(orderIds: readonly string[]): Promise<void>

  /**
   * Overwrites the bytes that removed data has left behind in the store's files, where the store can do so (see
   * `remains`). May be repeated at any time. Rejects with `store-busy` while a reader is still using an earlier state
   * of the store.
   */
  purge(): Promise<void>
}

/** How many rows of each kind contain the customer's personal data, and which files contain it. */
export interface Held {
  /** Stored orders. */
  readonly orders: number
  /**
   * Orders that are not stored, because they are being retried, or were dead-lettered or discarded. `retrying` says how
   * many of these orders are waiting for their next attempt.
   */
  readonly unstored: number
  readonly retrying: number
  /** Changes to orders. `waitingChanges` is the number of changes that are waiting for an earlier event. */
  readonly changes: number
  readonly waitingChanges: number
  /** Dead letters, including their payloads. `edits` is the number of those with an edited payload. */
  readonly deadLetters: number
  readonly edits: number
  /**
   * Orders whose personal data is in archive files, as far as the store knows, and the names of these files. Forgetting
   * does not change these files.
   */
  readonly archived: number
  readonly archiveFiles: readonly string[]
  /** All orders of the customer that are recorded in the store, with or without personal data. */
  readonly orderIds: readonly string[]
}
