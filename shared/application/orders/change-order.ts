import { OrderError } from '../../domain/errors.ts'
import { hasPersonalData } from '../../domain/forgetting/forgotten-data.ts'
import { NO_VERSION, type OrderChange } from '../../domain/changes/order-changes.ts'
import { bodyHash, changeJson, type ChangeEvent } from '../../domain/order-events.ts'
import { changeKeyHash, type OrderIds } from '../../domain/order-id.ts'
import { initialState } from '../../domain/order.ts'
import type { OrderView } from '../../domain/order-view.ts'
import { toChangeMessage } from '../../messaging/records/envelope.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { OrderStore } from '../../ports/order-store.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import { findOrArchived, orderArchived } from './archived-orders.ts'
import { answeredInTime } from './answered-in-time.ts'
import { createOncePerKey, type AcceptOptions, type LookedUp } from './once-per-key.ts'

export interface AcceptedChange {
  readonly changeId: string
  /** RFC 3339. */
  readonly acceptedAt: string
  /** Present if an earlier request had this key and change; nothing was published for this request. */
  readonly replayed?: true
}

interface Found extends LookedUp {
  readonly view: OrderView | undefined
  /** Looked up only if the store does not have the order. */
  readonly archivedAt: string | undefined
}

export type ChangeOrder = (orderId: string, change: OrderChange, options: AcceptOptions) => Promise<AcceptedChange>

/**
 * Accepts a change to an order: resolves with the change id once the event is durable in the log, after all earlier
 * events of the order. Whether the change is applied is decided when its turn comes.
 *
 * An Idempotency-Key works as it does for orders (`OncePerKey`), and each order has its own keys. A change is not
 * refused merely because the store is unavailable or slow. The exception is a change to an order whose id was not
 * issued here: only the store knows whether another producer placed such an order.
 *
 * Rejects with `order-not-found`; with `order-archived`, `order-cancelled`, `order-discarded` or `precondition-failed`
 * if the store already knows that the change comes too late; with `conflict` if the change has personal data and the
 * store knows that the order's customer was forgotten; with `store-unavailable` as described above; with
 * `idempotency-key-reused`; or with the log's own error. After `store-unavailable` or a rejection by the log, the
 * caller may send the same request again.
 */
export function createChangeOrder(dependencies: {
  log: Pick<EventLog, 'publish'>
  store: Pick<OrderStore, 'findChangeByIdempotencyKey'>
  views: Pick<OrderViews, 'get' | 'archivedAt'>
  orderIds: OrderIds
  topic: string
  events: PipelineEmitter
  clock: Pick<Clock, 'sleep'>
  now: () => Date
}): ChangeOrder {
  const { log, store, views, orderIds, topic, events, clock, now } = dependencies
  const oncePerKey = createOncePerKey({
    reused: 'This Idempotency-Key was used before with a different change to this order.',
    clock,
  })

  /**
   * Reads the order before it looks up the key. If the order already includes this change, the later lookup finds the
   * key, so a repeated request gets the response to the first one instead of a refusal.
   */
  async function lookUp(orderId: string, keyHash: string | null): Promise<Found> {
    const { found: view, archivedAt } = await findOrArchived(orderId, views, () => views.get(orderId))
    const known = keyHash === null ? undefined : await store.findChangeByIdempotencyKey(keyHash)
    const accepted = known && { id: known.changeId, acceptedAt: known.acceptedAt, bodyHash: known.bodyHash }
    return { view, archivedAt, known: accepted }
  }

  function refuseIfTooLate(orderId: string, change: OrderChange, found: Found | undefined): void {
    const { expectedVersion } = change
    if (found?.archivedAt !== undefined) throw orderArchived(found.archivedAt)
    if (found?.view === undefined && !orderIds.isIssued(orderId)) {
      if (found !== undefined) throw new OrderError('order-not-found', 'No order has this id.')
      const detail = 'Only the store can tell whether this order exists, and it is not responding.'
      throw new OrderError('store-unavailable', detail, { retriable: true })
    }
    const { status, version = 1, cancelledAt } = found?.view ?? initialState(orderId)
    if (status === 'cancelled') throw new OrderError('order-cancelled', `The order was cancelled at ${cancelledAt}.`)
    if (status === 'discarded') throw new OrderError('order-discarded', 'The order was discarded by an operator.')
    // The store would leave the data out, but the log would keep it.
    if (found?.view?.forgotten === true && hasPersonalData(change)) throw customerForgotten(change)
    if (expectedVersion === undefined || version <= expectedVersion) return
    const detail =
      expectedVersion === NO_VERSION
        ? 'No version of the order has the ETag in If-Match.'
        : `The change is for version ${expectedVersion} of the order, which is already at version ${version}.`
    throw new OrderError('precondition-failed', detail)
  }

  async function publish(event: ChangeEvent, json: string, options: AcceptOptions, acceptedAt: Date): Promise<void> {
    const { orderId, changeId, change } = event
    await log.publish(topic, [toChangeMessage(event, json, options.traceparent, options.tracestate)])
    const durationMs = now().getTime() - acceptedAt.getTime()
    events.emit('change:accepted', {
      orderId,
      changeId,
      kind: change.kind,
      traceparent: options.traceparent,
      durationMs,
    })
  }

  return async function changeOrder(orderId, change, options) {
    const { idempotencyKey } = options
    const json = changeJson(change)

    async function accept(idOf: (acceptedAt: Date) => string, keyHash: string | null, found: Found | undefined) {
      refuseIfTooLate(orderId, change, found)
      const at = now()
      const [id, acceptedAt] = [idOf(at), at.toISOString()]
      await publish({ changeId: id, orderId, acceptedAt, change, idempotencyKeyHash: keyHash }, json, options, at)
      return { id, acceptedAt }
    }

    if (idempotencyKey === undefined) {
      const found = await answeredInTime(() => lookUp(orderId, null), clock)
      const next = (at: Date) => orderIds.nextChange(orderId, at.getTime())
      const { id: changeId, acceptedAt } = await accept(next, null, found)
      return { changeId, acceptedAt }
    }
    const keyHash = changeKeyHash(orderId, idempotencyKey)
    const derived = () => orderIds.deriveChange(orderId, idempotencyKey, json)
    const { id: changeId, ...accepted } = await oncePerKey(keyHash, bodyHash(json), {
      isDerived: (id) => orderIds.isChangeDerivedFrom(orderId, id, idempotencyKey, json),
      lookUp: () => lookUp(orderId, keyHash),
      accept: (found: Found | undefined) => accept(derived, keyHash, found),
    })
    return { changeId, ...accepted }
  }
}

function customerForgotten({ kind }: OrderChange): OrderError {
  const without =
    kind === 'cancel' ? 'Cancel the order without a reason.' : 'Leave out names, e-mail address and addresses.'
  return new OrderError('conflict', `The customer of this order has been forgotten. ${without}`)
}
