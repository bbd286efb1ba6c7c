import type { ChangeKind, OrderChange } from '../domain/changes/order-changes.ts'
import type { NewOrderCommand } from '../domain/order-commands.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from './event-log.ts'

/**
 * The write side. A batch of delivered records becomes orders, statuses, history and ledger in one round trip and one
 * transaction. The effect is idempotent, so a redelivered batch changes nothing.
 */
export interface OrderStore extends AsyncDisposable {
  /**
   * Stores new orders, recognises known orders, and accounts for every record in the batch in the ledger.
   *
   * Returns an outcome for each order, in the sequence given:
   * - `stored`: the order is now in the store, or was already stored *from this same position* (a redelivery).
   * - `duplicate`: the same order with the same body was stored from another position.
   * - `withheld`: an operator decided otherwise. The order or its dead letter was discarded, or the letter was edited,
   *   even if the edited payload has since become a dead letter itself. Redeliveries change nothing
   *   until the letter is restored or redriven; the ledger counts the record as parked.
   * - a `Rejection`: the order can never be stored as it is. The other orders in the batch are still stored.
   *
   * For `delivered: 'origin'`, the ledger's rows are locked first, in topic and partition order. The ledger then counts
   * only offsets at or beyond `next`, and counts any skipped offset as a gap. An offset that is delivered after all is
   * no longer a gap. If any order is rejected, the ledger does not move (`counted: false`): the caller parks the
   * rejected orders and calls again with them in `parked`. This second call compares positions to recognise the orders
   * that are already stored.
   *
   * For `delivered: 'copy'` (retry topics), no offset is counted. Instead, the parked row of each origin gets the new
   * state.
   *
   * Changes come after the orders of their batch, in log order. Each change is kept with its event and waits for its
   * turn: once every earlier event of the same order has been decided, the change is decided too, in the same
   * transaction or right after it. Until then the change waits, and whatever decides its predecessor also decides the
   * change: a retry, a redrive, an edit or a discard. Returns an outcome for each change, in the sequence given:
   * - `applied`: the order now includes the change, or already did *from this same position*.
   * - `refused`: the order's state did not allow the change (domain/order.ts), an earlier event was discarded, or a
   *   later change was applied before this change came back from a dead letter. `OrderViews` reports the cause.
   * - `waiting`: the turn of the change has not come.
   * - `duplicate`: the change is known from another position.
   * - `withheld`: as for orders.
   * - a `Rejection` with `order-id-reused` if the id belongs to another change.
   *
   * A copy or a dead letter may arrive before the ledger has counted its origin, for example if a process died in
   * between. The origin's batch may contain earlier changes to the order. Until that batch is stored, the change is
   * kept but not decided, and it holds back no other change. A copy has the same place among the order's changes as the
   * original record. If the ledger does not count the origin's topic, the change does not wait for the origin's batch.
   *
   * If a change cannot be decided because of a bug, the result lists the change in `undecided`, and the batch is stored
   * nevertheless. Neither the change nor its successors are touched until the change's record arrives again. The caller
   * parks that record with the code `change-not-decided`. Only this failure keeps a waiting change from being decided,
   * because any other failure may be reported late, after a copy of the record has already been stored.
   *
   * Rejects without having changed anything if the store is unavailable: `store-unavailable`, `store-full` (outages: no
   * record of the batch is at fault) or `store-busy` (transient).
   */
  storeBatch(batch: StoreBatch): Promise<StoreResult>

  /**
   * Predicts what `storeBatch` would do with these orders and then with these changes, and which waiting changes it
   * would decide along with them. Nothing is written. Rejects with the original error if a bug prevents one of these
   * changes from being decided.
   */
  previewBatch(batch: Pick<StoreBatch, 'orders' | 'changes'>): Promise<BatchPreview>

  /** The order whose Idempotency-Key has this hash, if the store knows it. Reads the newest state. */
  findByIdempotencyKey(keyHash: string): Promise<KnownOrder | undefined>

  /** The change whose key has this hash (`changeKeyHash`). */
  findChangeByIdempotencyKey(keyHash: string): Promise<KnownChange | undefined>

  /** Never rejects. */
  health(): Promise<StoreHealth>
}

export interface StoreHealth {
  readonly available: boolean
  /** Why the store is unavailable, worded for an operator. */
  readonly cause?: string
}

export interface StoreBatch {
  readonly groupId: string
  readonly delivered: 'origin' | 'copy'
  readonly orders: readonly OrderToStore[]
  /** In log order. Absent if the batch has no changes, which is the usual case. */
  readonly changes?: readonly ChangeToStore[]
  /** Records in the batch that are already durable in a retry topic or the dead-letter topic. */
  readonly parked: readonly ParkedRecord[]
  /** The time that is recorded for stored orders and changed rows, as RFC 3339 in UTC. */
  readonly now: string
}

export interface OrderToStore {
  /** The position of the order's record in the orders topic; for a copy, the original's position. */
  readonly origin: RecordPosition
  readonly orderId: string
  readonly acceptedAt: string
  /** The order as `newOrderJson` writes it. A store's thread reads text faster than a clone of an object. */
  readonly json: string
  /** The SHA-256 hash of the event's JSON, in hex. */
  readonly bodyHash: string
  readonly idempotencyKeyHash: string | null
  /** The id (`topic:partition:offset`) of the dead letter that this record redrives, if any. */
  readonly redriveOf: string | null
  /**
   * The id of the dead letter whose edited payload this is, if any. The edited payload has the original's order id, but
   * its body may differ.
   */
  readonly supersedes: string | null
}

export interface ChangeToStore {
  /** The position of the change's record in the orders topic; for a copy, the original's position. */
  readonly origin: RecordPosition
  readonly orderId: string
  readonly changeId: string
  readonly acceptedAt: string
  readonly change: OrderChange
  /**
   * The SHA-256 hash of the event's JSON, in hex; null if personal data was removed from the record. Without a hash,
   * only the id identifies the change.
   */
  readonly bodyHash: string | null
  readonly idempotencyKeyHash: string | null
  /** The id of the dead letter that this record redrives, if any. */
  readonly redriveOf: string | null
}

/** The change in a parked record. `ParkedRecord.orderId` identifies its order. */
export interface ParkedChange {
  readonly changeId: string
  readonly kind: ChangeKind
  /** Null if the change cannot be read. */
  readonly change: OrderChange | null
  /**
   * For a change whose personal data was removed, the hash of the change as it was accepted; null if unknown.
   */
  readonly bodyHash?: string | null
  /** The key belongs to this change while the change is parked. */
  readonly idempotencyKeyHash: string | null
}

export interface ParkedRecord {
  readonly origin: RecordPosition
  readonly orderId: string | null
  readonly state: 'retrying' | 'dead'
  /** Attempts so far, and the maximum number of attempts. */
  readonly attempt: number
  readonly maxAttempts: number
  /** RFC 3339; null once the record is dead-lettered. */
  readonly nextAttemptAt: string | null
  readonly cause: Cause
  readonly acceptedAt: string | null
  /**
   * The order, if the record can be read. Included so that the caller who placed the order can see it while the record
   * is parked.
   */
  readonly order: NewOrderCommand | null
  readonly redriveOf: string | null
  /**
   * Absent for a record of the order itself. A parked change holds back later changes and leaves the order's own status
   * as it is.
   */
  readonly change?: ParkedChange
}

export type StoreOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'withheld' }
  | Rejection

export type ChangeOutcome = { readonly kind: 'applied' | 'refused' | 'waiting' | 'duplicate' | 'withheld' } | Rejection

export interface BatchPreview {
  /** One for each of the orders, in the same sequence. */
  readonly outcomes: readonly StoreOutcome[]
  /** One for each of the changes, in the same sequence. */
  readonly changes: readonly ChangePreview[]
  /** Changes to these orders that are not in the batch but would be decided along with it, in sequence. */
  readonly followers: readonly FollowerPreview[]
}

/** The cause explains why a change would be refused. */
export type ChangePreview = ChangeOutcome & { readonly cause?: Cause }

export interface FollowerPreview {
  readonly orderId: string
  readonly changeId: string
  readonly kind: 'applied' | 'refused'
  readonly cause?: Cause
}

export interface Rejection {
  readonly kind: 'rejected'
  readonly code: 'order-id-reused' | 'idempotency-key-reused' | 'constraint-violated'
  /** The reason, worded for a caller. */
  readonly detail: string
}

export interface StoreResult {
  /** One for each of `batch.orders`, in the same order. */
  readonly outcomes: readonly StoreOutcome[]
  /** One for each of `batch.changes`; absent if there are none. */
  readonly changes?: readonly ChangeOutcome[]
  /**
   * Changes that could not be decided even though their turn had come, at most one per order; absent if all were
   * decided.
   */
  readonly undecided?: readonly UndecidableChange[]
  /** Whether the ledger now accounts for the batch. */
  readonly counted: boolean
}

export interface UndecidableChange {
  readonly changeId: string
  /** The position of the record that contained the change, which need not be in this batch. */
  readonly origin: RecordPosition
  readonly error: unknown
}

/** A stored order that came with an Idempotency-Key. */
export interface KnownOrder {
  readonly orderId: string
  readonly bodyHash: string
  /** RFC 3339. */
  readonly acceptedAt: string
}

/** A stored change that came with an Idempotency-Key. */
export interface KnownChange {
  readonly changeId: string
  readonly bodyHash: string
  /** RFC 3339. */
  readonly acceptedAt: string
}
