import { isOrderError, OrderError } from '../../domain/errors.ts'
import type { NewOrderCommand } from '../../domain/order-commands.ts'
import { bodyHash, newOrderJson } from '../../domain/order-events.ts'
import { idempotencyKeyHash, type OrderIds } from '../../domain/order-id.ts'
import { decide } from '../../domain/order.ts'
import { toMessage } from '../../messaging/records/envelope.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { KnownOrder, OrderStore } from '../../ports/order-store.ts'

export interface AcceptedOrder {
  readonly orderId: string
  /** RFC 3339. */
  readonly acceptedAt: string
  /** Present if another request brought this key and order first; nothing was published for this one. */
  readonly replayed?: true
}

export interface PlaceOrderOptions {
  readonly idempotencyKey?: string
  /** The request's, if it is valid. */
  readonly traceparent?: string
  /** The request's, if it is valid; never without a traceparent. */
  readonly tracestate?: string
}

export type PlaceOrder = (command: NewOrderCommand, options: PlaceOrderOptions) => Promise<AcceptedOrder>

/** How many Idempotency-Keys this process remembers, which covers the retries of a few minutes. */
const REMEMBERED_KEYS = 100_000
/** How long an order waits for the store to look up a key. After that the store counts as unavailable. */
const LOOK_UP_MS = 1000

/**
 * Accepts a command: resolves with the order's id once `NewOrder` is durable in the log.
 *
 * With an Idempotency-Key the id is derived from key and body, so the same request gets the same id on any instance, even
 * without a look-up. This process's memory, then the store, distinguish a repetition (same answer, nothing published)
 * from a *different* body under a known key. A store that is away does not prevent accepting: it finds both later.
 * A key counts from the moment a request brings it. Concurrent requests with the key share the outcome of the first,
 * whose body belongs to the key from then on. They share its rejection too, because the log may have kept a record that
 * it did not acknowledge.
 *
 * Rejects with `idempotency-key-reused`, or as the log does. Then no id was issued, and the caller may send the same
 * request again.
 */
export function createPlaceOrder(dependencies: {
  log: Pick<EventLog, 'publish'>
  store: Pick<OrderStore, 'findByIdempotencyKey'>
  orderIds: OrderIds
  topic: string
  events: PipelineEmitter
  clock: Pick<Clock, 'sleep'>
  now: () => Date
}): PlaceOrder {
  const { log, store, orderIds, topic, events, clock, now } = dependencies
  const remembered = new Map<string, KnownOrder>()
  /** The outcome of the first request under a key, by the key's hash. At most one entry for each request in flight. */
  const deciding = new Map<string, Promise<KnownOrder>>()

  async function publish(
    orderId: string,
    command: NewOrderCommand,
    json: string,
    keyHash: string | null,
    options: PlaceOrderOptions,
    acceptedAt: Date,
  ) {
    const event = decide({ orderId, command, idempotencyKeyHash: keyHash, now: acceptedAt })
    await log.publish(topic, [toMessage(event, json, options.traceparent, options.tracestate)])
    const durationMs = now().getTime() - acceptedAt.getTime()
    events.emit('order:accepted', { orderId, traceparent: options.traceparent, durationMs })
    return { orderId, acceptedAt: event.acceptedAt }
  }

  async function placeOnce(idempotencyKey: string, command: NewOrderCommand, options: PlaceOrderOptions) {
    const json = newOrderJson(command)
    const keyHash = idempotencyKeyHash(idempotencyKey)
    const body = bodyHash(json)
    let isPublished = false

    async function decideFirst(): Promise<KnownOrder> {
      try {
        const known = await knownToStore(keyHash)
        if (known !== undefined) return known
        const accepted = await publish(orderIds.derive(idempotencyKey, json), command, json, keyHash, options, now())
        isPublished = true
        const order = { ...accepted, bodyHash: body }
        remember(keyHash, order)
        return order
      } finally {
        deciding.delete(keyHash)
      }
    }

    function begin(): Promise<KnownOrder> {
      const first = decideFirst()
      deciding.set(keyHash, first)
      return first
    }

    const known = await (remembered.get(keyHash) ?? deciding.get(keyHash) ?? begin())
    if (known.bodyHash !== body)
      throw new OrderError('idempotency-key-reused', 'This Idempotency-Key was used before with a different order.')
    const { orderId, acceptedAt } = known
    return { orderId, acceptedAt, ...(!isPublished && { replayed: true as const }) }
  }

  async function knownToStore(keyHash: string): Promise<KnownOrder | undefined> {
    const answered = new AbortController()
    try {
      const tooLate = clock.sleep(LOOK_UP_MS, answered.signal).then(() => undefined)
      return await Promise.race([store.findByIdempotencyKey(keyHash), tooLate])
    } catch (error) {
      // Placing orders needs the log alone, so an order is not refused because the store is away.
      if (isOrderError(error) && error.retriable) return undefined
      throw error
    } finally {
      answered.abort()
    }
  }

  function remember(keyHash: string, order: KnownOrder): void {
    remembered.set(keyHash, order)
    if (remembered.size <= REMEMBERED_KEYS) return
    const [oldest] = remembered.keys()
    if (oldest !== undefined) remembered.delete(oldest)
  }

  return async function placeOrder(command, options) {
    if (options.idempotencyKey !== undefined) return placeOnce(options.idempotencyKey, command, options)
    const acceptedAt = now()
    return publish(orderIds.next(acceptedAt.getTime()), command, newOrderJson(command), null, options, acceptedAt)
  }
}
