import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import { createOrderTraffic, type OrderTraffic } from '../orders/order-traffic.ts'
import { randomOrder } from '../orders/random-orders.ts'
import { unlessCut, type Answer, type Product } from '../product/product.ts'
import type { Random } from '../random.ts'
import { newMark } from './marks.ts'

export const CUSTOMERS = Array.from({ length: 12 }, (_, index) => 1001 + index)
/** Callers mostly change the newest orders, because the older ones are in an archive. */
const NEWEST = 60

/** Personal data that is sent to the product, and when the requests that contain it began and ended. */
export interface Sending {
  /** A word that occurs only in this data. */
  readonly mark: string
  /** For the message of a failing test: the order, address or cancellation that contains the mark. */
  readonly what: string
  readonly customerId: number
  readonly from: number
  /** When the latest request with this mark ended. */
  to: number
  /** How many requests with this mark are still in progress. */
  onItsWay: number
}

/** One request to forget a customer. */
export interface Forgetting {
  readonly customerId: number
  readonly from: number
  /** Infinity while the request is in progress. */
  to: number
  /** Whether the product reported success. */
  isDone: boolean
}

export interface SentChange {
  readonly orderId: string
  readonly kind: 'amend' | 'cancel'
  readonly mark: string
}

/** The callers of one installation, and everything that they know about it. */
export interface Shop {
  readonly traffic: OrderTraffic
  /** All personal data that was sent, including operators' edits, keyed by mark. */
  readonly sendings: ReadonlyMap<string, Sending>
  /** The accepted changes, by their ids. */
  readonly changes: ReadonlyMap<string, SentChange>
  readonly forgettings: Forgetting[]
  /** All the shipping addresses that were sent for each order, by the order's id. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<string>>
  /** Sends requests one after the other, as one caller, until this many have been answered. */
  call(random: Random, requests: number): Promise<void>
  /** Makes up a new shipping address for the order, records it, and passes it to `send`. */
  readdress<T>(
    random: Random,
    what: 'amend' | 'cancel' | 'edit',
    orderId: string,
    send: (address: string, mark: string) => Promise<T>,
  ): Promise<T>
  /** The order's customer; undefined if a request to forget the customer was made after the order was sent. */
  customerOf(orderId: string): number | undefined
}

/** `now` is the product's clock. */
export function createShop(host: () => Product, now: () => number): Shop {
  const traffic = createOrderTraffic({
    get url() {
      return host().url
    },
  })
  const sendings = new Map<string, Sending>()
  const changes = new Map<string, SentChange>()
  const addresses = new Map<string, Set<string>>()
  const forgettings: Forgetting[] = []
  /** The marks of the orders that were sent with an Idempotency-Key. An order's mark is also its key. */
  const keyed: string[] = []

  async function sending<T>(mark: string, what: string, customerId: number, send: () => Promise<T>): Promise<T> {
    const one = sendings.get(mark) ?? { mark, what, customerId, from: now(), to: 0, onItsWay: 0 }
    sendings.set(mark, one)
    one.onItsWay += 1
    try {
      return await send()
    } finally {
      one.onItsWay -= 1
      one.to = now()
    }
  }

  /**
   * Whether a request to forget the customer was made after this request was sent. A later order of the customer is
   * allowed, but a change to an earlier order would bring data back.
   */
  const isForgotten = ({ customerId, from }: Sending) =>
    forgettings.some((forgetting) => forgetting.customerId === customerId && forgetting.to >= from)

  function customerOf(orderId: string): number | undefined {
    const sent = sendings.get(traffic.accepted.get(orderId) ?? '')
    return sent === undefined || isForgotten(sent) ? undefined : sent.customerId
  }

  type Told = Promise<Answer | undefined>

  async function place(order: NewOrderCommand, mark: string, key: string | undefined): Told {
    const headers = key === undefined ? {} : { 'idempotency-key': key }
    return sending(mark, 'an order', order.customerId, () => traffic.place(order, headers))
  }

  async function placeNew(random: Random): Told {
    const mark = newMark(random)
    const order = {
      ...randomOrder(random, mark),
      customerId: random.pick(CUSTOMERS),
      customerName: `Nom ${mark}`,
      shippingAddress: `${random.whole(1, 99)} Rue ${mark}`,
    }
    const key = random.chance(0.3) ? mark : undefined
    if (key !== undefined) keyed.push(mark)
    return place(order, mark, key)
  }

  /** Repeats a request: its key finds the order, no matter how old the order is or where it is now. */
  async function repeat(random: Random): Told {
    const usable = keyed.filter((mark) => !isForgotten(sendings.get(mark) as Sending))
    if (usable.length === 0) return placeNew(random)
    const mark = random.pick(usable)
    return place(traffic.sent.get(mark) as NewOrderCommand, mark, mark)
  }

  async function readdress<T>(
    random: Random,
    what: 'amend' | 'cancel' | 'edit',
    orderId: string,
    send: (address: string, mark: string) => Promise<T>,
  ): Promise<T> {
    const mark = newMark(random)
    const address = `${random.whole(1, 99)} Quay ${mark}`
    addresses.set(orderId, (addresses.get(orderId) ?? new Set()).add(address))
    return sending(mark, `${what} of ${orderId}`, customerOf(orderId) ?? 0, () => send(address, mark))
  }

  async function change(random: Random): Told {
    const all = [...traffic.accepted.keys()]
    const orderIds = (random.chance(0.9) ? all.slice(-NEWEST) : all).filter((id) => customerOf(id) !== undefined)
    if (orderIds.length === 0) return placeNew(random)
    const orderId = random.pick(orderIds)
    const path = `/api/orders/${orderId}`
    const kind = random.chance(0.15) ? 'cancel' : 'amend'
    return readdress(random, kind, orderId, async (shippingAddress, mark) => {
      const request =
        kind === 'cancel'
          ? host().ask(`${path}/cancel`, { method: 'POST', body: { reason: `Because of ${mark}` } })
          : host().ask(path, {
              method: 'PATCH',
              headers: { 'content-type': 'application/merge-patch+json' },
              body: { shippingAddress },
            })
      const answer = await unlessCut(request)
      if (answer === undefined) return undefined
      expect([202, 409, 410, 429, 503], answer.text).toContain(answer.status)
      if (answer.status === 202) changes.set(String(answer.body['changeId']), { orderId, kind, mark })
      return answer
    })
  }

  return {
    traffic,
    sendings,
    changes,
    forgettings,
    addresses,
    customerOf,
    readdress,
    async call(random, requests) {
      for (let left = requests; left > 0;) {
        const kind = random.next()
        const answer = await (kind < 0.65 ? placeNew(random) : kind < 0.75 ? repeat(random) : change(random))
        const isAway = answer === undefined || answer.status >= 500
        if (!isAway) left -= 1
        await sleep(isAway ? 200 : random.whole(0, 40))
      }
    },
  }
}
