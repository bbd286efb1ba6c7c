import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../loadtest/orders.ts'
import type { NewOrderCommand } from '../../shared/domain/order-commands.ts'
import type { OrderToStore } from '../../shared/ports/order-store.ts'
import type { ListQuery, SearchQuery } from '../../shared/ports/order-views.ts'
import {
  ACCEPTED_AT,
  allPages,
  batchOf,
  CAUSE,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
  type OpenStore,
  type StoreFeatures,
} from './store-fixtures.ts'

/** What every OrderViews promises. */
export function orderViewsContract(name: string, open: OpenEmptyStore, features: StoreFeatures): void {
  describe(`${name} as order views`, () => {
    let opened: OpenStore
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(() => opened[Symbol.asyncDispose]())

    const store = (orders: readonly OrderToStore[], changes: Parameters<typeof batchOf>[1] = {}) =>
      opened.store.storeBatch(batchOf(orders, changes))
    const park = (order: OrderToStore, changes: Parameters<typeof parkedFrom>[1] = {}, now = NOW) =>
      opened.store.storeBatch(batchOf([], { delivered: 'copy', now, parked: [parkedFrom(order, changes)] }))
    const dead = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
    const listed = async (query: Partial<ListQuery> = {}) =>
      (await allPages((page) => opened.views.list({ limit: 3, ...query, ...page }))).map(({ orderId }) => orderId)
    const found = async (q: string, query: Partial<SearchQuery> = {}) =>
      (await allPages((page) => opened.views.search({ q, limit: 2, ...query, ...page }))).map(({ orderId }) => orderId)

    describe('one order', () => {
      test('an order that the store never saw is undefined, and has no history', async () => {
        const { orderId } = orderAt(0)
        expect(await opened.views.get(orderId)).toBeUndefined()
        expect(await opened.views.history(orderId)).toBeUndefined()
      })

      test('a retrying order says which attempt, when the next is due, why, and what it holds', async () => {
        const order = orderAt(0)
        await park(order)
        expect(await opened.views.get(order.orderId)).toEqual({
          orderId: order.orderId,
          status: 'retrying',
          acceptedAt: ACCEPTED_AT,
          attempt: 1,
          maxAttempts: 4,
          nextAttemptAt: LATER,
          cause: CAUSE,
          updatedAt: NOW,
          ...order.order,
          customerFullName: 'Alex Example',
          orderItems: [{ ...order.order.orderItems[0], longDescription: 'Brand Shirt M Blue' }],
        })
      })

      test('a dead-lettered order of which nothing could be read still has a status', async () => {
        const order = orderAt(0)
        await park(order, { ...dead, order: null })
        expect(await opened.views.get(order.orderId)).toEqual({
          orderId: order.orderId,
          status: 'dead-lettered',
          acceptedAt: ACCEPTED_AT,
          cause: CAUSE,
          updatedAt: NOW,
        })
      })

      test('copies that come late or again never take an order back', async () => {
        const order = orderAt(0)
        await park(order, { attempt: 2 })
        await park(order, { attempt: 1 }, LATER)
        await park(order, { attempt: 2 }, LATER)
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'retrying', attempt: 2, updatedAt: NOW })
        await park(order, dead)
        await park(order, { attempt: 3 }, LATER)
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'dead-lettered', updatedAt: NOW })
        await store([order])
        await park(order, dead, LATER)
        expect((await opened.views.get(order.orderId))?.status).toBe('stored')
      })

      test('a redriven order that is tried again is retrying again', async () => {
        const order = orderAt(0)
        await park(order, dead)
        await park({ ...order, origin: place(7) }, { redriveOf: letterIdOf(order) }, LATER)
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'retrying', attempt: 1 })
      })

      test('many are found at once; those that are unknown are not in the answer', async () => {
        const [stored, retrying, unknown] = [orderAt(0), orderAt(1), orderAt(2)]
        await store([stored])
        await park(retrying)
        const views = await opened.views.getMany([unknown.orderId, retrying.orderId, stored.orderId])
        expect(new Map([...views].map(([id, { status }]) => [id, status]))).toEqual(
          new Map([
            [stored.orderId, 'stored'],
            [retrying.orderId, 'retrying'],
          ]),
        )
        expect(await opened.views.getMany([])).toEqual(new Map())
      })
    })

    describe('history', () => {
      test('an order that was stored at once was accepted and stored', async () => {
        const order = orderAt(0)
        await store([order])
        expect(await opened.views.history(order.orderId)).toEqual([
          { at: ACCEPTED_AT, kind: 'accepted' },
          { at: NOW, kind: 'stored' },
        ])
      })

      test('what failed is told once, in order, with its cause, until the order is stored', async () => {
        const order = orderAt(0)
        await park(order)
        await park(order)
        await park(order, dead, LATER)
        await opened.deadLetters.keep([letterOf(order)])
        await store([{ ...order, origin: place(1), redriveOf: letterIdOf(order) }], { now: LATER })
        expect(await opened.views.history(order.orderId)).toEqual([
          { at: ACCEPTED_AT, kind: 'accepted' },
          { at: NOW, kind: 'attempt-failed', attempt: 1, nextAttemptAt: LATER, cause: CAUSE },
          { at: LATER, kind: 'dead-lettered', attempt: 4, cause: CAUSE },
          { at: LATER, kind: 'stored' },
        ])
      })
    })

    describe('list', () => {
      test('newest first, page by page, each order once while others are added', async () => {
        const orders = Array.from({ length: 8 }, (_, offset) => orderAt(offset))
        await store(orders)
        const first = await opened.views.list({ limit: 3 })
        await store([orderAt(8), orderAt(9)])
        const rest = await allPages((page) =>
          opened.views.list({ limit: 3, cursor: first.nextCursor ?? 'there was no next page', ...page }),
        )
        expect([...first.items, ...rest].map(({ orderId }) => orderId)).toEqual(
          orders.map(({ orderId }) => orderId).reverse(),
        )
      })

      test('a page that is exactly the rest is the last', async () => {
        await store([orderAt(0), orderAt(1)])
        expect((await opened.views.list({ limit: 2 })).nextCursor).toBeNull()
        expect(await opened.views.list({ limit: 2, customerId: 99 })).toEqual({ items: [], nextCursor: null })
      })

      test('filters narrow it down, alone and together', async () => {
        const orders = (['EUR', 'USD', 'GBP', 'EUR'] as const).flatMap((currencyType, index) =>
          (['PayPal', 'Invoice'] as const).map((paymentMethodType) =>
            orderAt(0, {
              origin: place(index * 2 + (paymentMethodType === 'PayPal' ? 0 : 1)),
              order: { currencyType, paymentMethodType, customerId: 1 + (index % 2) },
            }),
          ),
        )
        await store(orders)
        const expected = (matches: (order: OrderToStore['order']) => boolean) =>
          orders
            .filter(({ order }) => matches(order))
            .map(({ orderId }) => orderId)
            .reverse()
        expect(await listed({ customerId: 2 })).toEqual(expected((o) => o.customerId === 2))
        expect(await listed({ currency: 'EUR' })).toEqual(expected((o) => o.currencyType === 'EUR'))
        expect(await listed({ paymentMethod: 'PayPal' })).toEqual(expected((o) => o.paymentMethodType === 'PayPal'))
        expect(await listed({ currency: 'EUR', customerId: 2, paymentMethod: 'Invoice' })).toEqual(
          expected((o) => o.currencyType === 'EUR' && o.customerId === 2 && o.paymentMethodType === 'Invoice'),
        )
        expect(await listed({ currency: 'GBP', customerId: 2 })).toEqual([])
      })

      test('times are those of acceptance: from included, to not', async () => {
        const acceptedAt = (minute: number) => new Date(Date.parse(ACCEPTED_AT) + minute * 60_000).toISOString()
        const minutes = [3, 1, 4, 2, 5, 0]
        const orders = minutes.map((minute, offset) => orderAt(offset, { acceptedAt: acceptedAt(minute) }))
        await store(orders)
        const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
        expect(await listed({ from: acceptedAt(2), to: acceptedAt(4) })).toEqual(ids(3, 0))
        expect(await listed({ from: acceptedAt(4) })).toEqual(ids(4, 2))
        expect(await listed({ to: acceptedAt(1), currency: 'EUR' })).toEqual(ids(5))
        expect(await listed({ from: acceptedAt(6) })).toEqual([])
      })

      test('a range of time is found among many orders, wherever it lies', async () => {
        const orders = Array.from({ length: 3000 }, (_, offset) =>
          orderAt(offset, { acceptedAt: new Date(Date.parse(ACCEPTED_AT) + offset * 1000).toISOString() }),
        )
        // One that was stored long after it had been accepted.
        const straggler = orderAt(3000)
        for (let start = 0; start < 3000; start += 500) await store(orders.slice(start, start + 500))
        await store([straggler])
        const at = (offset: number) => orders[offset]?.acceptedAt ?? ''
        const between = (from: number, to: number) =>
          orders
            .slice(from, to)
            .map(({ orderId }) => orderId)
            .reverse()
        expect(await listed({ limit: 7, from: at(0), to: at(20) })).toEqual([straggler.orderId, ...between(0, 20)])
        expect(await listed({ limit: 50, from: at(1000), to: at(1100) })).toEqual(between(1000, 1100))
        expect(await listed({ limit: 200, from: at(2900), currency: 'EUR' })).toEqual(between(2900, 3000))
      })

      test('by status: stored, or where the others stand, by their filters too', async () => {
        const [stored, retrying, deadLettered, unreadable] = [orderAt(0), orderAt(1), orderAt(2), orderAt(3)]
        await store([stored])
        await park({ ...retrying, order: { ...retrying.order, customerId: 5, currencyType: 'GBP' } })
        await park(deadLettered, dead)
        await park(unreadable, { ...dead, order: null })
        expect(await listed({ status: 'stored' })).toEqual([stored.orderId])
        expect(await listed()).toEqual([stored.orderId])
        expect(await listed({ status: 'retrying' })).toEqual([retrying.orderId])
        expect(await listed({ status: 'dead-lettered' })).toEqual([unreadable.orderId, deadLettered.orderId])
        expect(await listed({ status: 'dead-lettered', currency: 'EUR' })).toEqual([deadLettered.orderId])
        expect(await listed({ status: 'retrying', customerId: 5 })).toEqual([retrying.orderId])
        expect(await listed({ status: 'retrying', currency: 'EUR' })).toEqual([])
        expect(await listed({ status: 'dead-lettered', from: LATER })).toEqual([])
        expect(await listed({ status: 'discarded' })).toEqual([])
        expect(await listed({ status: 'accepted' })).toEqual([])
      })

      test('a cursor that is not one of this query is refused', async () => {
        await store([orderAt(0), orderAt(1)])
        const { nextCursor } = await opened.views.list({ limit: 1 })
        const cursor = nextCursor ?? 'there was no next page'
        const refusal = { code: 'invalid-request', violations: [{ pointer: 'cursor' }] }
        await expect(opened.views.list({ limit: 1, currency: 'EUR', cursor })).rejects.toMatchObject(refusal)
        await expect(opened.views.search({ q: 'alex', limit: 1, cursor })).rejects.toMatchObject(refusal)
        for (const malformed of ['', 'x', 'bnVsbA', Buffer.from('[1,"x",1.5]').toString('base64url'), `${cursor}A`]) {
          await expect(opened.views.list({ limit: 1, cursor: malformed })).rejects.toMatchObject(refusal)
        }
        expect((await opened.views.list({ limit: 5, cursor })).items).toHaveLength(1)
      })
    })

    describe('search', () => {
      const customer = (offset: number, customerName: string, customerLastName: string) =>
        orderAt(offset, { order: { customerName, customerLastName } })
      const item = (offset: number, brand: string) =>
        orderAt(offset, { order: { orderItems: [{ ...orderAt(0).order.orderItems[0]!, brand }] } })

      test('a text without a word finds nothing, and query syntax is just text', async () => {
        await store([customer(0, 'Alex', 'Near'), item(1, 'AND')])
        for (const q of ['', ' ', '"', '***', '🛒', '()', '-', '¤§', '§', '¤']) expect(await found(q)).toEqual([])
        for (const q of ['"alex" *', 'alex)', 'NEAR(', 'a*e', "alex'; --", 'name:alex', 'alex OR nobody', '^alex']) {
          await expect(opened.views.search({ q, limit: 5 })).resolves.toBeDefined()
        }
        expect(await found('"near"')).toHaveLength(1)
        expect(await found('alex AND nobody')).toEqual([])
        await expect(opened.views.search({ q: 'word '.repeat(2000), limit: 5 })).resolves.toEqual({
          items: [],
          nextCursor: null,
        })
        await expect(opened.views.search({ q: 'x'.repeat(10_000), limit: 5 })).resolves.toBeDefined()
      })

      test('a whole name comes before the beginning of one, a name before an item, then the newest', async () => {
        const orders = [
          item(0, 'Maria'),
          item(1, 'Mariana'),
          customer(2, 'Mariana', 'Lopez'),
          customer(3, 'Maria', 'Lopez'),
          item(4, 'Maria'),
          customer(5, 'Ana', 'Maria'),
          customer(6, 'Marianne', 'Lopez'),
          item(7, 'Marian'),
          customer(8, 'Alex', 'Lopez'),
        ]
        await store(orders)
        const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
        expect(await found('maria')).toEqual(ids(5, 3, 6, 2, 4, 0, 7, 1))
        expect(await found('maria', { customersOnly: true })).toEqual(ids(5, 3, 6, 2))
      })

      test('every word must be there, in the name or in an item', async () => {
        const orders = [customer(0, 'Maria', 'Lopez'), item(1, 'Lopez'), customer(2, 'Maria', 'Smith')]
        await store(orders)
        expect(await found('lopez maria')).toEqual([orders[0]?.orderId])
        expect(await found('maria shirt')).toEqual([orders[2]?.orderId, orders[0]?.orderId])
        expect(await found('maria shirt', { customersOnly: true })).toEqual([])
      })

      test.runIf(features.fullText)('case and accents make no difference, in the text or in the query', async () => {
        const order = customer(0, 'José', 'MÜLLER-Ångström')
        await store([order])
        for (const q of ['jose', 'JOSÉ', 'muller', 'Müller', 'angstrom', 'mu', 'ang müll jo']) {
          expect(await found(q)).toEqual([order.orderId])
        }
      })

      test('any text finds what going through all orders would find, in that order', async () => {
        const random = createRandom(4)
        const pick = (some: readonly string[]) => some[Math.floor(random() * some.length)] ?? ''
        const orders = Array.from({ length: 120 }, (_, offset) => {
          const [base] = orderAt(0).order.orderItems
          const orderItems = Array.from({ length: 1 + Math.floor(random() * 2) }, () => ({
            ...base!,
            brand: pick(WORDS),
          }))
          return orderAt(offset, { order: { customerName: pick(WORDS), customerLastName: pick(WORDS), orderItems } })
        })
        await store(orders)
        const newest = orders.toReversed()
        for (let time = 0; time < 60; time += 1) {
          const words = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(BEGINNINGS))
          const customersOnly = random() < 0.3
          const expected = [0, 1, 2, 3].flatMap((rank) =>
            newest.filter(({ order }) => rankOf(order, words) === rank && !(customersOnly && rank > 1)),
          )
          const q = words.join(' ')
          expect([q, await found(q, { customersOnly, limit: 50 })]).toEqual([q, expected.map(({ orderId }) => orderId)])
          const inList = newest.filter(({ order }) => rankOf(order, words) < 4).map(({ orderId }) => orderId)
          if (time % 6 === 0) expect([q, await listed({ q, limit: 50 })]).toEqual([q, inList])
        }
      })

      test('pages stay as they are while orders are added', async () => {
        const orders = Array.from({ length: 5 }, (_, offset) => customer(offset, 'Maria', 'Lopez'))
        await store(orders)
        const first = await opened.views.search({ q: 'maria', limit: 2 })
        await store([customer(5, 'Maria', 'Maria'), customer(6, 'Maria', 'Lopez')])
        const rest = await allPages((page) =>
          opened.views.search({ q: 'maria', limit: 2, cursor: first.nextCursor ?? 'there was no next page', ...page }),
        )
        expect([...first.items, ...rest].map(({ orderId }) => orderId)).toEqual(
          orders.map(({ orderId }) => orderId).reverse(),
        )
      })

      test('in a list it keeps the order of the list and goes with every filter and status', async () => {
        const orders = [
          item(0, 'Maria'),
          customer(1, 'Maria', 'Lopez'),
          item(2, 'Mariana'),
          customer(3, 'Alex', 'Lopez'),
        ]
        await store(orders)
        const retrying = customer(4, 'Maria', 'Retry')
        await park(retrying)
        const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
        expect(await listed({ q: 'maria' })).toEqual(ids(2, 1, 0))
        expect(await listed({ q: 'maria', currency: 'EUR', customerId: 1, paymentMethod: 'CreditCard' })).toEqual(
          ids(2, 1, 0),
        )
        expect(await listed({ q: 'maria', customerId: 2 })).toEqual([])
        expect(await listed({ q: 'maria', from: ACCEPTED_AT, to: NOW })).toEqual(ids(2, 1, 0))
        expect(await listed({ q: 'maria', from: NOW })).toEqual([])
        expect(await listed({ q: '***' })).toEqual([])
        expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([retrying.orderId])
        expect(await listed({ q: 'maria', status: 'dead-lettered' })).toEqual([])
        await store([retrying])
        expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([])
        expect(await listed({ q: 'retry' })).toEqual([retrying.orderId])
        // Nothing could be read of this one, so no word of an earlier one may lead to it.
        await park(customer(5, 'Nobody', 'Knows'), { order: null })
        expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([])
      })
    })
  })
}

/** More that begin alike than an index may want to look up one by one, and some that begin nothing else. */
const WORDS = [
  ...Array.from({ length: 40 }, (_, index) => `acorn${String(index).padStart(2, '0')}`),
  ...['a', 'ac', 'acorn', 'acorns', 'birch', 'birchwood', 'elder', 'el', 'hazel', 'iris'].flatMap((word) => [
    word,
    word,
    word,
    word,
  ]),
]
const BEGINNINGS = ['a', 'ac', 'aco', 'acorn', 'acorn0', 'acorns', 'birch', 'birchw', 'el', 'elder', 'hazel', 'i', 'x']

/** What `search` promises, for words in lower case: 4 when it does not match. */
function rankOf({ customerName, customerLastName, orderItems }: NewOrderCommand, words: readonly string[]): number {
  const names = [customerName, customerLastName]
  const others = orderItems.flatMap(({ brand, type, size, colour }) => [brand, type, size, colour])
  const every = (among: readonly string[], matches: (text: string, word: string) => boolean) =>
    words.every((word) => among.some((text) => matches(text.toLowerCase(), word)))
  const isWhole = (text: string, word: string) => text === word
  const begins = (text: string, word: string) => text.startsWith(word)
  if (every(names, isWhole)) return 0
  if (every(names, begins)) return 1
  if (every([...names, ...others], isWhole)) return 2
  return every([...names, ...others], begins) ? 3 : 4
}
