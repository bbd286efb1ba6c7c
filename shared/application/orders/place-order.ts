import type { NewOrderCommand } from '../../domain/order-commands.ts'
import { bodyHash, newOrderJson, type NewOrder } from '../../domain/order-events.ts'
import { idempotencyKeyHash, type OrderIds } from '../../domain/order-id.ts'
import { toMessage } from '../../messaging/records/envelope.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { PublishedHere } from '../../messaging/records/published-here.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { OrderStore } from '../../ports/order-store.ts'
import { createOncePerKey, type AcceptOptions } from './once-per-key.ts'

export interface AcceptedOrder {
  readonly orderId: string
  /** RFC 3339. */
  readonly acceptedAt: string
  /** Present if an earlier request had this key and order; nothing was published for this request. */
  readonly replayed?: true
}

export type PlaceOrder = (command: NewOrderCommand, options: AcceptOptions) => Promise<AcceptedOrder>

/**
 * Accepts a command: resolves with the order id once `NewOrder` is durable in the log.
 *
 * With an Idempotency-Key, the id is derived from the key and the body, so the same request gets the same id on any
 * instance, even without a lookup; `OncePerKey` describes how other requests with the key are handled.
 *
 * Rejects with `idempotency-key-reused`, or with the log's own error. In both cases the caller gets no id. After a
 * rejection by the log, the caller may send the same request again.
 */
export function createPlaceOrder(dependencies: {
  log: Pick<EventLog, 'publish'>
  store: Pick<OrderStore, 'findByIdempotencyKey'>
  orderIds: OrderIds
  topic: string
  /** Undefined if this process stores no orders. */
  publishedHere?: PublishedHere | undefined
  events: PipelineEmitter
  clock: Pick<Clock, 'sleep'>
  now: () => Date
}): PlaceOrder {
  const { log, store, orderIds, topic, publishedHere, events, clock, now } = dependencies
  const oncePerKey = createOncePerKey({
    reused: 'This Idempotency-Key was used before with a different order.',
    clock,
  })

  async function publish(
    orderId: string,
    command: NewOrderCommand,
    json: string,
    keyHash: string | null,
    options: AcceptOptions,
    acceptedAt: Date,
  ) {
    const event: NewOrder = {
      orderId,
      acceptedAt: acceptedAt.toISOString(),
      data: command,
      idempotencyKeyHash: keyHash,
    }
    publishedHere?.add(orderId, json)
    await log.publish(topic, [toMessage(event, json, options.traceparent, options.tracestate)])
    const durationMs = now().getTime() - acceptedAt.getTime()
    events.emit('order:accepted', { orderId, traceparent: options.traceparent, durationMs })
    return { orderId, acceptedAt: event.acceptedAt }
  }

  async function placeOnce(idempotencyKey: string, command: NewOrderCommand, options: AcceptOptions) {
    const json = newOrderJson(command)
    const keyHash = idempotencyKeyHash(idempotencyKey)
    const { id: orderId, ...accepted } = await oncePerKey(keyHash, bodyHash(json), {
      isDerived: (id) => orderIds.isDerivedFrom(id, idempotencyKey, json),
      async lookUp() {
        const known = await store.findByIdempotencyKey(keyHash)
        return { known: known && { id: known.orderId, acceptedAt: known.acceptedAt, bodyHash: known.bodyHash } }
      },
      async accept() {
        const id = orderIds.derive(idempotencyKey, json)
        const { acceptedAt } = await publish(id, command, json, keyHash, options, now())
        return { id, acceptedAt }
      },
    })
    return { orderId, ...accepted }
  }

  return async function placeOrder(command, options) {
    if (options.idempotencyKey !== undefined) return placeOnce(options.idempotencyKey, command, options)
    const acceptedAt = now()
    return await publish(orderIds.next(acceptedAt.getTime()), command, newOrderJson(command), null, options, acceptedAt)
  }
}
