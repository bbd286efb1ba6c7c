import type { ChangeKind, OrderChange } from '../domain/changes/order-changes.ts'
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
   * Returns an outcome for each order, in the order given:
   * - `stored`: it is in the store now, or it already was *from this same position* (a redelivery).
   * - `duplicate`: the same order with the same body was stored from another position.
   * - `withheld`: an operator decided otherwise. Its dead letter was discarded or edited, or the edited payload died
   *   and has a letter of its own, or the order was discarded. Redeliveries change nothing until the letter is restored
   *   or redriven; the ledger counts the record as parked.
   * - a `Rejection`: it can never be stored as it is. The other orders of the batch are stored all the same.
   *
   * The ledger (for `delivered: 'origin'`) first locks its rows in topic, partition order, then counts only offsets at
   * or beyond `next`, and any offset passed over as a gap. An offset that was counted as a gap leaves the gaps if it is
   * delivered after all. If any order is rejected, the ledger does not move (`counted: false`): the caller parks the
   * rejected orders and calls again with them in `parked`, and stored orders are found by their positions.
   *
   * For `delivered: 'copy'` (retry topics) no offset is counted: the parked row of each origin gets the new state.
   *
   * Changes come after the orders of their batch, in the order of the log. Each is kept with its event and takes its turn:
   * it is decided when every event of the same order that came before it is decided, in the same transaction or right
   * after it. Until then it waits, and whatever decides its predecessor decides it too: a retry, a redrive, an edit, a
   * discard. For each there is an outcome, in the order given:
   * - `applied`: the order has it. Also if it had it before, *from this same position*.
   * - `refused`: the order as it was did not take it (domain/order.ts), an earlier event was discarded, or a later
   *   change was applied before this one came back from a dead letter. The caller asks why at `OrderViews`.
   * - `waiting`: its turn has not come.
   * - `duplicate`: it is known from another position.
   * - `withheld`: as for orders.
   * - a `Rejection` with `order-id-reused` if its id belongs to another change.
   *
   * A copy, or a dead letter, may arrive before the ledger has counted its origin, as after a process died in between. The
   * batch of the origin may bring earlier changes of the order, so until then such a change is kept, is not decided, and
   * holds no other; its turn is that of its origin. An origin in a topic that the ledger does not count has its turn at once.
   *
   * If deciding a change fails by a bug, the result names the change in `undecided`, and the batch is stored all the same.
   * The change stays as it is, and so do the ones behind it, until its record comes again. The caller parks that record
   * with the code `change-not-decided`. Only this failure holds a change that waits: any other may be told late, after a
   * copy of the record was stored.
   *
   * Rejects as a whole, with nothing changed, if the store is away: `store-unavailable`, `store-full`
   * (outages: the batch is good) or `store-busy` (transient).
   */
  storeBatch(batch: StoreBatch): Promise<StoreResult>

  /**
   * What `storeBatch` would do with these orders and then with these changes, and which changes that wait in the store it
   * would decide with them. Nothing is written. Rejects with the original error if deciding one of these changes fails by a
   * bug.
   */
  previewBatch(batch: Pick<StoreBatch, 'orders' | 'changes'>): Promise<BatchPreview>

  /**
   * The order to which the hash of an Idempotency-Key belongs, if the store knows it. Reads the newest state.
   */
  findByIdempotencyKey(keyHash: string): Promise<KnownOrder | undefined>

  /** The same for the hash of a change's key (`changeKeyHash`). */
  findChangeByIdempotencyKey(keyHash: string): Promise<KnownChange | undefined>

  /** Never rejects. */
  health(): Promise<StoreHealth>
}

export interface StoreHealth {
  readonly available: boolean
  /** The reason if it is not available, in words for an operator. */
  readonly cause?: string
}

export interface StoreBatch {
  readonly groupId: string
  readonly delivered: 'origin' | 'copy'
  readonly orders: readonly OrderToStore[]
  /** In the order of the log. Absent in a batch without any, as most are. */
  readonly changes?: readonly ChangeToStore[]
  /** Records of the batch that are already safe in a retry topic or the dead-letter topic, acknowledged. */
  readonly parked: readonly ParkedRecord[]
  /** The time of stored orders and changed rows, as RFC 3339 in UTC. */
  readonly now: string
}

export interface OrderToStore {
  /** The position of the order's record in the orders topic; for a copy, the original's. */
  readonly origin: RecordPosition
  readonly orderId: string
  readonly acceptedAt: string
  readonly order: NewOrderCommand
  /** SHA-256 in hex of the event's JSON. */
  readonly bodyHash: string
  readonly idempotencyKeyHash: string | null
  /** The id (`topic:partition:offset`) of the dead letter that this record redrives, if any. */
  readonly redriveOf: string | null
  /** The dead letter whose edited payload this is; it may have another body under the same order id. */
  readonly supersedes: string | null
}

export interface ChangeToStore {
  /** The position of the change's record in the orders topic; for a copy, the original's. */
  readonly origin: RecordPosition
  readonly orderId: string
  readonly changeId: string
  readonly acceptedAt: string
  readonly change: OrderChange
  /** SHA-256 in hex of the event's JSON. */
  readonly bodyHash: string
  readonly idempotencyKeyHash: string | null
  /** The id of the dead letter that this record redrives, if any. */
  readonly redriveOf: string | null
}

/** Of a parked record that is a change of `orderId`. */
export interface ParkedChange {
  readonly changeId: string
  readonly kind: ChangeKind
  /** Null if it cannot be read. */
  readonly change: OrderChange | null
  /** The key stays that of this change while it is parked. */
  readonly idempotencyKeyHash: string | null
}

export interface ParkedRecord {
  readonly origin: RecordPosition
  readonly orderId: string | null
  readonly state: 'retrying' | 'dead'
  /** Attempts so far, and the most there will be. */
  readonly attempt: number
  readonly maxAttempts: number
  /** RFC 3339; null when dead. */
  readonly nextAttemptAt: string | null
  readonly cause: Cause
  readonly acceptedAt: string | null
  /** The order, if the record can be read, so that its caller can see it meanwhile. */
  readonly order: NewOrderCommand | null
  readonly redriveOf: string | null
  /** Absent for the record of an order itself. The change holds what comes after it, and the order's own status stays. */
  readonly change?: ParkedChange
}

export type StoreOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'withheld' }
  | Rejection

export type ChangeOutcome = { readonly kind: 'applied' | 'refused' | 'waiting' | 'duplicate' | 'withheld' } | Rejection

export interface BatchPreview {
  /** One for each of the orders, in the same order. */
  readonly outcomes: readonly StoreOutcome[]
  /** One for each of the changes, in the same order. */
  readonly changes: readonly ChangePreview[]
  /** The changes of these orders that are not in the batch but would be decided with it, in sequence. */
  readonly followers: readonly FollowerPreview[]
}

/** The cause says why a change would be refused. */
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
  /** In words for a caller. */
  readonly detail: string
}

export interface StoreResult {
  /** One for each of `batch.orders`, in the same order. */
  readonly outcomes: readonly StoreOutcome[]
  /** One for each of `batch.changes`; absent if there are none. */
  readonly changes?: readonly ChangeOutcome[]
  /** The changes whose turn came and that could not be decided, at most one for each order; absent if there are none. */
  readonly undecided?: readonly UndecidedChange[]
  /** Whether the ledger now accounts for the batch. */
  readonly counted: boolean
}

export interface UndecidedChange {
  readonly changeId: string
  /** The position from which the change is kept. It need not be in this batch. */
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

/** A change in the store that came with an Idempotency-Key. */
export interface KnownChange {
  readonly changeId: string
  readonly bodyHash: string
  /** RFC 3339. */
  readonly acceptedAt: string
}
