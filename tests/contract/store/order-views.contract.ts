import { describe, expect, test } from 'vitest'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import type { ListQuery, SearchQuery } from '../../../shared/ports/order-views.ts'
import { orderSearchContract } from './order-search.contract.ts'
import {
  ACCEPTED_AT,
  allPages,
  batchOf,
  CAUSE,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  type OpenEmptyStore,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type StoreFeatures,
  withContent,
} from '../store-fixtures.ts'

/** What every adapter for `OrderViews` guarantees. */
export function orderViewsContract(name: string, open: OpenEmptyStore, features: StoreFeatures): void {
  describe(`${name} as order views`, () => {
    const opened = openForEachTest(open)

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
      test('an order that the store has never seen is undefined, and has no history', async () => {
        const { orderId } = orderAt(0)
        expect(await opened.views.get(orderId)).toBeUndefined()
        expect(await opened.views.history(orderId)).toBeUndefined()
      })

      test('a retrying order has its attempt, its next due time, its cause and its content', async () => {
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

      test("has the caller's reference and metadata, stored or not", async () => {
        const given = {
          reference: 'Ärger "1" \\u0041',
          metadata: { channel: 'web', note: 'a\n"b" \\n \u{1f525}', empty: '' },
        }
        const [stored, retrying, without] = [orderAt(0, { order: given }), orderAt(1, { order: given }), orderAt(2)]
        await store([stored, without])
        await park(retrying)
        expect(await opened.views.get(stored.orderId)).toMatchObject({ status: 'stored', ...given })
        expect(await opened.views.get(retrying.orderId)).toMatchObject({ status: 'retrying', ...given })
        const view = await opened.views.get(without.orderId)
        expect([view?.status, Object.keys(view ?? {}).filter((name) => name in given)]).toEqual(['stored', []])
        expect((await opened.views.list({ limit: 9 })).items.map(({ reference }) => reference)).toEqual([
          undefined,
          given.reference,
        ])
      })

      test('a dead-lettered order that could not be read at all still has a status', async () => {
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

      test('late or repeated copies never set an order back', async () => {
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

      test('a redriven order that is retried is retrying again', async () => {
        const order = orderAt(0)
        await park(order, dead)
        await park({ ...order, origin: place(7) }, { redriveOf: letterIdOf(order) }, LATER)
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'retrying', attempt: 1 })
      })

      test('many are found at once; unknown ids are left out', async () => {
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

      test('each failure is listed once, in order, with its cause, until the order is stored', async () => {
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
      test('newest first, page by page, each order once even while others are added', async () => {
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

      test('a page that ends exactly at the last order is the last page', async () => {
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
        const expected = (matches: (order: NewOrderCommand) => boolean) =>
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

      test('time filters use the acceptance time: from is inclusive, to is exclusive', async () => {
        const acceptedAt = (minute: number) => new Date(Date.parse(ACCEPTED_AT) + minute * 60_000).toISOString()
        const minutes = [3, 1, 4, 2, 5, 0]
        const orders = minutes.map((minute, offset) => orderAt(offset, { acceptedAt: acceptedAt(minute) }))
        await store(orders)
        const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
        expect(await listed({ from: acceptedAt(2), to: acceptedAt(4) })).toEqual(ids(3, 0))
        expect(await listed({ from: acceptedAt(4) })).toEqual(ids(4, 2))
        expect(await listed({ to: acceptedAt(1), currency: 'EUR' })).toEqual(ids(5))
        expect(await listed({ from: acceptedAt(6) })).toEqual([])
        // These times are valid, but in UTC they lie outside the years 1 to 9999.
        const ever = { from: '0001-01-01T00:00:00+01:00', to: '9999-12-31T23:59:59-05:00' }
        expect(await listed(ever)).toEqual(await listed({}))
      })

      test('a time range is found anywhere among many orders', async () => {
        const orders = Array.from({ length: 3000 }, (_, offset) =>
          orderAt(offset, { acceptedAt: new Date(Date.parse(ACCEPTED_AT) + offset * 1000).toISOString() }),
        )
        // An order that was stored long after it had been accepted.
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

      test('by status: stored, or any other status, with that status’s own filters', async () => {
        const [stored, retrying, deadLettered, unreadable] = [orderAt(0), orderAt(1), orderAt(2), orderAt(3)]
        await store([stored])
        await park(withContent(retrying, { customerId: 5, currencyType: 'GBP' }))
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
      })

      test('by exact reference, combined with other filters', async () => {
        const named = (offset: number, reference: string, more: Partial<NewOrderCommand> = {}) =>
          orderAt(offset, { order: { reference, ...more } })
        const [one, other, retrying] = [
          named(0, 'WEB-1'),
          named(5, 'WEB-1', { customerId: 5, customerName: 'Kim' }),
          named(6, 'WEB-1'),
        ]
        const others = [named(1, 'web-1'), named(2, 'WEB-1 '), named(3, 'WEB-11'), orderAt(4)]
        await store([one, ...others, other])
        await park(retrying)
        expect(await listed({ reference: 'WEB-1' })).toEqual([other.orderId, one.orderId])
        expect(await listed({ reference: 'WEB-1', limit: 1 })).toEqual([other.orderId, one.orderId])
        expect(await listed({ reference: 'WEB-1 ' })).toEqual([others[1]?.orderId])
        expect(await listed({ reference: 'WEB-2' })).toEqual([])
        expect(await listed({ reference: 'WEB-1', customerId: 5 })).toEqual([other.orderId])
        expect(await listed({ reference: 'WEB-1', currency: 'GBP' })).toEqual([])
        expect(await listed({ reference: 'WEB-1', paymentMethod: 'CreditCard', currency: 'EUR' })).toHaveLength(2)
        expect(await listed({ reference: 'WEB-1', from: LATER })).toEqual([])
        expect(await listed({ reference: 'WEB-1', q: 'kim' })).toEqual([other.orderId])
        expect(await listed({ reference: 'WEB-1', status: 'retrying' })).toEqual([retrying.orderId])
        expect(await listed({ reference: 'WEB-1', status: 'retrying', q: 'alex' })).toEqual([retrying.orderId])
        expect(await listed({ reference: 'WEB-1', status: 'dead-lettered' })).toEqual([])
      })

      test('a cursor of another query is refused', async () => {
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
      orderSearchContract({ opened: () => opened, store, park, found, listed }, features)
    })
  })
}
