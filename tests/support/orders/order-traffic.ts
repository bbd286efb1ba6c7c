import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import { pagesOf, type Answer, type Product } from '../product/product.ts'
import { markOf } from './random-orders.ts'

/** Concurrent callers that record what they sent and which orders were accepted. */
export interface OrderTraffic {
  /** Every order that a caller sent, answered or not, keyed by its mark. */
  readonly sent: ReadonlyMap<string, NewOrderCommand>
  /** The mark of each accepted order, keyed by the id in its 202 or 201 response. */
  readonly accepted: ReadonlyMap<string, string>
  /** The number of responses with each status code; the key 0 stands for broken connections. */
  readonly answers: ReadonlyMap<number, number>
  /** Places one order. Resolves with undefined if no answer comes. */
  place(order: NewOrderCommand, headers?: Record<string, string>): Promise<Answer | undefined>
  /** Runs this many concurrent callers, each placing orders until `next` returns undefined or no answer comes. */
  run(callers: number, next: () => NewOrderCommand | undefined): Promise<void>
}

export function createOrderTraffic(product: Pick<Product, 'url'>): OrderTraffic {
  const sent = new Map<string, NewOrderCommand>()
  const accepted = new Map<string, string>()
  const answers = new Map<number, number>()

  async function place(order: NewOrderCommand, headers: Record<string, string> = {}): Promise<Answer | undefined> {
    const mark = markOf(order)
    sent.set(mark, order)
    const answer = await answerOf(order, headers, (orderId) => accepted.set(orderId, mark))
    const status = answer?.status ?? 0
    answers.set(status, (answers.get(status) ?? 0) + 1)
    if (answer !== undefined && status >= 400) expectRefusal(answer)
    return answer
  }

  /** The order counts as accepted once the response's headers have arrived, whether or not the body follows. */
  async function answerOf(
    order: NewOrderCommand,
    headers: Record<string, string>,
    onAccepted: (orderId: string) => void,
  ): Promise<Answer | undefined> {
    const request = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }
    try {
      const response = await fetch(`${product.url}/api/orders`, { ...request, body: JSON.stringify(order) })
      const { status } = response
      const orderId = response.headers.get('location')?.replace('/api/orders/', '')
      if ((status === 202 || status === 201) && orderId !== undefined) onAccepted(orderId)
      const text = await response.text()
      return { status, headers: response.headers, text, body: JSON.parse(text) as Record<string, unknown> }
    } catch (error) {
      // `fetch` throws a TypeError if the connection is refused or lost; so does `text()` if it is lost later.
      if (error instanceof TypeError) return undefined
      throw error
    }
  }

  return {
    sent,
    accepted,
    answers,
    place,
    async run(callers, next) {
      const caller = async () => {
        for (let order = next(); order !== undefined; order = next()) {
          if ((await place(order)) === undefined) return
        }
      }
      await Promise.all(Array.from({ length: callers }, caller))
    },
  }
}

/** A refusal gives its reason, says when to try again, and contains nothing that looks like an order. */
function expectRefusal({ status, headers, body }: Answer): void {
  expect([422, 429, 503]).toContain(status)
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect([headers.get('location'), body['orderId']]).toEqual([null, undefined])
  if (status !== 422) expect(headers.get('retry-after')).toMatch(/^\d+$/)
}

/** All stored orders, keyed by id. Fails if the list repeats an order. */
export async function storedOrders(product: Product): Promise<Map<string, OrderView>> {
  const listed = await pagesOf<OrderView>(product, '/api/orders')
  const stored = new Map(listed.map((order) => [order.orderId, order]))
  expect(stored.size, 'every order is listed once').toBe(listed.length)
  return stored
}

/** Expects every accepted order to be stored once, as it was sent, and nothing else to be stored. */
export async function expectPromisesKept(product: Product, { sent, accepted }: OrderTraffic): Promise<void> {
  const stored = await storedOrders(product)
  expect([...accepted.keys()].filter((orderId) => !stored.has(orderId))).toEqual([])
  expectUndamaged(stored, sent, accepted)
  const marks = [...stored.values()].map(markOf)
  expect(new Set(marks).size, 'no order is stored twice').toBe(marks.length)
}

/** Expects each stored order to equal the one accepted under its id or, if there is none, one that was sent. */
export function expectUndamaged(
  stored: ReadonlyMap<string, OrderView>,
  sent: OrderTraffic['sent'],
  accepted: OrderTraffic['accepted'],
): void {
  for (const [orderId, view] of stored) {
    const mark = markOf(view)
    expect(accepted.get(orderId) ?? mark).toBe(mark)
    const order = sent.get(mark)
    const content = contentOf(view, order)
    expect(content, `${orderId} was sent`).toBeDefined()
    // `toEqual` is slow, so it is called only to produce a readable message.
    if (!isDeepStrictEqual(content, order)) expect(content).toEqual(order)
  }
}

/** The part of a stored order that its caller sent: only the members that `order` has. */
function contentOf(view: OrderView, order: NewOrderCommand | undefined): object | undefined {
  if (order === undefined) return undefined
  const orderItems = view.orderItems?.map((item, index) => pick(item, order.orderItems[index] ?? {}))
  return { ...pick(view, order), orderItems }
}

function pick(from: object, like: object): object {
  const names = new Set(Object.keys(like))
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)))
}
