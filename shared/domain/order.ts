import type { NewOrder } from './order-events.ts'
import type { NewOrderCommand } from './order-commands.ts'
import type { HistoryEntry, OrderState } from './order-view.ts'

/**
 * The aggregate on one page. An order is decided once (`decide`); from then on only events change its state (`evolve`).
 * No I/O, no clock, no randomness: ids and times are arguments.
 */

export interface PlaceOrder {
  readonly orderId: string
  readonly command: NewOrderCommand
  readonly idempotencyKeyHash: string | null
  readonly now: Date
}

/** The event of accepting a command, which the schema has already validated. */
export function decide({ orderId, command, idempotencyKeyHash, now }: PlaceOrder): NewOrder {
  return { orderId, acceptedAt: now.toISOString(), data: command, idempotencyKeyHash }
}

/** An issued order of which nothing else is known yet. */
export function initialState(orderId: string): OrderState {
  return { orderId, status: 'accepted' }
}

/**
 * The state of an order after one more event. `stored` is final: a late dead letter, retry or discard of another copy of
 * the record never changes it.
 */
export function evolve(state: OrderState, entry: HistoryEntry): OrderState {
  const { orderId } = state
  const acceptedAt = entry.kind === 'accepted' ? entry.at : state.acceptedAt
  const known = { orderId, ...(acceptedAt !== undefined && { acceptedAt }), updatedAt: entry.at }
  if (state.status === 'stored') return state
  switch (entry.kind) {
    case 'accepted':
      return { ...state, ...known }
    case 'attempt-failed':
      return {
        ...known,
        status: 'retrying',
        ...(entry.attempt !== undefined && { attempt: entry.attempt }),
        ...(entry.nextAttemptAt !== undefined && { nextAttemptAt: entry.nextAttemptAt }),
        ...(entry.cause !== undefined && { cause: entry.cause }),
      }
    case 'stored':
      return {
        ...known,
        status: 'stored',
        storedAt: entry.at,
        ...((state.status === 'dead-lettered' || state.status === 'discarded') && { recovered: true }),
      }
    case 'dead-lettered':
    case 'restored':
      return { ...known, status: 'dead-lettered', ...causeOf(entry, state) }
    case 'discarded':
      return { ...known, status: 'discarded', ...causeOf(entry, state) }
    case 'redriven':
    case 'edited':
      return { ...state, ...known }
  }
}

function causeOf(entry: HistoryEntry, state: OrderState): Pick<OrderState, 'cause'> {
  const cause = entry.cause ?? state.cause
  return cause === undefined ? {} : { cause }
}
