import type { Act } from './redrives.ts'

/**
 * Forgetting a customer: names, e-mail address and addresses leave the store, with `reference`, `metadata` and the
 * reasons of cancellations, which may hold anything. Ids, amounts and items stay and are counted as before.
 */
export interface Forgetting {
  /** What the store holds of the customer's personal data now. Changes nothing. */
  held(customerId: number): Promise<Held>

  /**
   * Removes the customer's personal data from orders, changes, statuses, dead letters and the search index, and remembers
   * that the customer was forgotten at `act.at`: all of it in one transaction, with an audit entry. Returns what the store
   * held before.
   *
   * From then on, whatever arrives of an order that was accepted until `act.at` is stored without personal data, be it
   * from the log, a retry, a redrive or a rebuild. An order that is accepted later is a new relationship and is stored
   * with its data. Changes follow their order. Forgetting a customer again removes what was stored since.
   *
   * Rejects with `conflict` while a rebuild runs, or while orders of an earlier version are being indexed.
   */
  forget(customerId: number, act: Act): Promise<Held>

  /**
   * Removes personal data from the changes and dead letters of orders that only the log has yet. The caller found the
   * orders in the log, and each of them is the customer's.
   */
  forgetOrders(orderIds: readonly string[]): Promise<void>

  /**
   * Overwrites what removed data has left in the store's files. Can be repeated at any time. Rejects with `store-busy`
   * while a reader keeps an earlier state of the store.
   */
  purge(): Promise<void>
}

/** The number of rows that hold the customer's personal data. */
export interface Held {
  /** Stored orders. */
  readonly orders: number
  /** Orders that are not stored: retried, dead or discarded. `retrying` is how many of them wait for their next attempt. */
  readonly unstored: number
  readonly retrying: number
  /** Changes of orders, and how many of them wait for an earlier event. */
  readonly changes: number
  readonly waitingChanges: number
  /** Dead letters with their payloads, and how many of them have an edit. */
  readonly deadLetters: number
  readonly edits: number
  /** The customer's orders that the store knows, whether or not they hold personal data. */
  readonly orderIds: readonly string[]
}
