import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import type { Answer, Asked, Product } from '../product/product.ts'
import type { Random } from '../random.ts'
import { changeEvent, changeMessageOf, messageOf, newOrder, testOrderIds } from './orders.ts'
import { randomOrder } from './random-orders.ts'

/** Tests make the store throw for this customer's orders, so that they are retried and then dead-lettered. */
export const UNLUCKY_CUSTOMER = 13
const MOST_CHANGES = 12
const AMENDED = ['customerName', 'shippingAddress', 'totalPrice', 'paymentMethodType', 'orderItems'] as const

/** Callers that place orders and change them, and a producer of records that cannot be read. */
export interface ChangeTraffic {
  readonly orderIds: ReadonlySet<string>
  /** The ids of the accepted changes, from the 202 responses. */
  readonly accepted: ReadonlySet<string>
  /** Places one order after another, each with its changes, until the signal aborts. */
  call(random: Random, signal: AbortSignal): Promise<void>
  /** Sends one amendment or cancellation, for any version of the order or, with If-Match, for a specific one. */
  change(random: Random, orderId: string): Promise<void>
}

/** The product must use the secret of `testOrderIds`. */
export function createChangeTraffic(anyHost: () => Product, log: KafkaLog): ChangeTraffic {
  const orderIds = new Set<string>()
  const accepted = new Set<string>()
  let keys = 0

  /** Repeats the request under its key until a host answers with anything but "try again later". */
  async function ask(path: string, { headers, ...asked }: Asked): Promise<Answer> {
    keys += 1
    const idempotent = { ...headers, 'idempotency-key': `key-${keys}` }
    for (;;) {
      const answer = await anyHost()
        .ask(path, { ...asked, headers: idempotent })
        .catch(() => undefined)
      if (answer !== undefined && answer.status !== 503 && answer.status !== 429) return answer
      await sleep(100)
    }
  }

  async function place(order: NewOrderCommand): Promise<string> {
    const { status, body, text } = await ask('/api/orders', { method: 'POST', body: order })
    expect(status, text).toBe(202)
    return String(body['orderId'])
  }

  async function change(random: Random, orderId: string): Promise<void> {
    const path = `/api/orders/${orderId}`
    const headers = random.chance(0.2) ? { 'if-match': `"${random.whole(1, 4)}-any"` } : {}
    const request = random.chance(0.1)
      ? ask(`${path}/cancel`, { method: 'POST', headers, body: { reason: `reason ${random.whole(1, 99)}` } })
      : ask(path, {
          method: 'PATCH',
          headers: { ...headers, 'content-type': 'application/merge-patch+json' },
          body: amendment(random),
        })
    const { status, body, text } = await request
    expect([202, 409, 412], text).toContain(status)
    if (status === 202) accepted.add(String(body['changeId']))
  }

  async function publishUnreadable(message: RecordToPublish): Promise<void> {
    for (;;) {
      try {
        await log.publish('orders', [{ ...message, value: '{' }])
        return
      } catch {
        await sleep(100)
      }
    }
  }

  /** Places an order, or publishes one that cannot be read. */
  async function begin(random: Random): Promise<string> {
    const order = randomOrder(random, `order ${orderIds.size}`, 3)
    const customerId = random.chance(0.25) ? UNLUCKY_CUSTOMER : order.customerId
    if (random.chance(0.9)) return place({ ...order, customerId })
    const orderId = testOrderIds.next(Date.now())
    await publishUnreadable(messageOf(newOrder({ orderId, acceptedAt: new Date().toISOString() })))
    return orderId
  }

  return {
    orderIds,
    accepted,
    change,
    async call(random, signal) {
      while (!signal.aborted) {
        const orderId = await begin(random)
        orderIds.add(orderId)
        for (let left = random.whole(2, MOST_CHANGES); left > 0 && !signal.aborted; left -= 1) {
          await sleep(random.whole(0, 200))
          if (random.chance(0.95)) await change(random, orderId)
          else {
            const [changeId, acceptedAt] = [testOrderIds.nextChange(orderId, Date.now()), new Date().toISOString()]
            await publishUnreadable(changeMessageOf(changeEvent(orderId, { changeId, acceptedAt })))
          }
        }
      }
    },
  }
}

function amendment(random: Random): Partial<NewOrderCommand> {
  const other = randomOrder(random, 'of no order', 3)
  const name = random.pick(AMENDED)
  return { [name]: other[name] }
}
