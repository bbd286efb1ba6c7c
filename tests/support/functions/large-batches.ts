import { newOrderJson } from '../../../shared/domain/order-events.ts'
import { toMessage } from '../../../shared/messaging/records/envelope.ts'
import { nextJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import type { LogConsumer, LogRecord, Subscription } from '../../../shared/ports/event-log.ts'
import { delivered, newOrder, orderCommand } from '../orders/orders.ts'

/** Delivers full batches to all triggers at the same time, with the largest orders that the API accepts. */
export interface LargeBatchConsumer extends LogConsumer {
  /** Resolves with the number of processed records once every subscription has received all its batches. */
  drained(subscriptions: number): Promise<number>
}

const MAX_ITEMS = 500
/** Four bytes of UTF-8 and two units of UTF-16, the most that a character can take. */
const LETTER = '\u{1d4d0}'
const LARGE = orderCommand({
  orderItems: Array.from({ length: MAX_ITEMS }, () => ({
    itemCode: LETTER.repeat(100),
    brand: LETTER.repeat(100),
    type: LETTER.repeat(100),
    size: LETTER.repeat(50),
    colour: LETTER.repeat(50),
    quantity: 1,
    price: 42.5,
    currencyType: 'EUR' as const,
  })),
})
const FAILURE = {
  class: 'transient' as const,
  cause: { code: 'internal' as const, detail: 'It failed before.' },
  fingerprint: 'test',
  stack: null,
  error: new Error('It failed before.'),
}

export function createLargeBatchConsumer(batches: number): LargeBatchConsumer {
  const deliveries: Promise<number>[] = []
  const all = Promise.withResolvers<void>()
  let expected = Number.POSITIVE_INFINITY

  async function deliver(subscription: Subscription): Promise<number> {
    const partition = deliveries.length
    await all.promise
    const { maxBatchSize } = subscription
    const { signal } = new AbortController()
    const offsets = Array.from({ length: batches * maxBatchSize }, (_, offset) => offset)
    while (offsets.length > 0) {
      const batch = offsets.splice(0, maxBatchSize).map((offset) => recordFor(subscription, partition, offset))
      await subscription.onBatch(batch, signal)
    }
    return batches * maxBatchSize
  }

  return {
    async subscribe(subscription) {
      deliveries.push(deliver(subscription))
      if (deliveries.length >= expected) all.resolve()
      return { [Symbol.asyncDispose]: () => Promise.resolve() }
    },
    async drained(subscriptions) {
      expected = subscriptions
      if (deliveries.length >= expected) all.resolve()
      await all.promise
      return (await Promise.all(deliveries)).reduce((sum, records) => sum + records, 0)
    },
  }
}

const LARGE_JSON = newOrderJson(LARGE)

/**
 * An order for the orders topic, and a parked copy of one for the other topics. The bytes of the record's value are
 * created on each read and never kept, because in the runtime they belong to another process.
 */
function recordFor({ topic, groupId }: Subscription, partition: number, offset: number): LogRecord {
  const message = { ...toMessage(newOrder(), '', undefined), value: null }
  const original = delivered(message, { topic: 'orders', partition, offset })
  const notBefore = topic.endsWith('-dlt') ? null : Date.now()
  const next = {
    attempt: 1,
    maxAttempts: 4,
    notBefore,
    groupId,
    nowMs: Date.now(),
    timestampType: 'CreateTime' as const,
  }
  const record =
    topic === 'orders'
      ? original
      : delivered(toParked(original, nextJourney(original, FAILURE, next)), { topic, offset })
  return Object.defineProperty(record, 'value', { get: () => Buffer.from(LARGE_JSON) })
}
