import type { NewOrderCommand } from '../domain/order-commands.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from './event-log.ts'

/**
 * The write side. A batch of delivered records becomes orders, statuses, history and ledger in one round trip and one
 * transaction; its effect is idempotent, so that a batch delivered again changes nothing.
 */
export interface OrderStore extends AsyncDisposable {
  /**
   * Stores what is new, finds what is known, and accounts for every record of the batch in the ledger.
   *
   * For each order, in the order given, says what became of it:
   * - `stored`: it is in the store now, or it already was *from these very coordinates* (a redelivery).
   * - `duplicate`: the same order with the same body was stored from other coordinates.
   * - `withheld`: a person decided otherwise. Its dead letter was discarded or edited, or what was sent in its place died
   *   and has a letter of its own, or the order was discarded. Nothing changes until the letter is restored or redriven,
   *   whatever is delivered again; the ledger counts the record as parked.
   * - a `Rejection`: it can never be stored as it is. The others of the batch are stored all the same.
   *
   * The ledger (for `delivered: 'origin'`) first locks its rows in topic, partition order, then counts only offsets at
   * or beyond `next`, and any offset passed over as a gap; an offset that was counted as a gap is taken out of the gaps
   * when it is delivered after all. When any order is rejected the ledger does not move (`counted: false`): the caller
   * parks the rejected ones and calls again with them in `parked`, and what was stored is found by its coordinates.
   *
   * For `delivered: 'copy'` (retry topics) no offset is counted: the parked row of each origin moves to the new state.
   *
   * Rejects as a whole, with nothing changed, when the store could not be asked: `store-unavailable`, `store-full`
   * (outages: the batch is good) or `store-busy` (transient).
   */
  storeBatch(batch: StoreBatch): Promise<StoreResult>

  /** What `storeBatch` would say, found by doing it in a transaction that is rolled back. */
  previewBatch(orders: readonly OrderToStore[]): Promise<readonly StoreOutcome[]>

  /**
   * Which order the hash of an Idempotency-Key belongs to, if the store knows it. Read from the newest state.
   */
  findByIdempotencyKey(keyHash: string): Promise<KnownOrder | undefined>

  /** Never rejects. */
  health(): Promise<StoreHealth>
}

export interface StoreHealth {
  readonly available: boolean
  /** Why not, in words for an operator. */
  readonly cause?: string
}

export interface StoreBatch {
  readonly groupId: string
  readonly delivered: 'origin' | 'copy'
  readonly orders: readonly OrderToStore[]
  /** Records of the batch that are already safe in a retry topic or the dead-letter topic, acknowledged. */
  readonly parked: readonly ParkedRecord[]
  /**
   * Where the log begins, by partition, for partitions that the ledger has not counted yet; 0 where it is not said. What
   * lies between there and the first offset delivered is a gap.
   */
  readonly logStarts?: ReadonlyMap<number, number>
  /** When, as RFC 3339 UTC: the time that stored orders and moved rows get. */
  readonly now: string
}

export interface OrderToStore {
  /** Where the order's record is in the orders topic: its own place, or for a copy that of the original. */
  readonly origin: RecordPosition
  readonly orderId: string
  readonly acceptedAt: string
  readonly order: NewOrderCommand
  /** SHA-256 in hex of the event's JSON. */
  readonly bodyHash: string
  readonly idempotencyKeyHash: string | null
  /** The id (`topic:partition:offset`) of the dead letter that this record redrives, if it does. */
  readonly redriveOf: string | null
  /** The dead letter whose edited payload this is: not "id reused", though the body differs. */
  readonly supersedes: string | null
}

export interface ParkedRecord {
  readonly origin: RecordPosition
  readonly orderId: string | null
  readonly state: 'retrying' | 'dead'
  /** The attempts made so far, and the most there will be. */
  readonly attempt: number
  readonly maxAttempts: number
  /** RFC 3339; null when dead. */
  readonly nextAttemptAt: string | null
  readonly cause: Cause
  readonly acceptedAt: string | null
  /** The order, when the record could be read: what the caller is shown meanwhile. */
  readonly order: NewOrderCommand | null
  readonly redriveOf: string | null
}

export type StoreOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'withheld' }
  | Rejection

export interface Rejection {
  readonly kind: 'rejected'
  readonly code: 'order-id-reused' | 'idempotency-key-reused' | 'constraint-violated'
  /** In a caller's words. */
  readonly detail: string
}

export interface StoreResult {
  /** One for each of `batch.orders`, in that order. */
  readonly outcomes: readonly StoreOutcome[]
  /** Whether the ledger accounts for the batch now. */
  readonly counted: boolean
}

/** A stored order that came with an Idempotency-Key. */
export interface KnownOrder {
  readonly orderId: string
  readonly bodyHash: string
  /** RFC 3339. */
  readonly acceptedAt: string
}
