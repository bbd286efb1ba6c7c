import { describe, expect, test } from 'vitest'
import type { ChangeToStore } from '../../../../shared/ports/order-store.ts'
import {
  ACCEPTED_AT,
  actAt,
  CAUSE,
  changeAt,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { amend, cancel, changeSteps, DEAD, named } from './change-steps.ts'

/** The results of queries about changes, and about orders that have changes. */
export function changeViewsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, changeView, history, found, listed, kill } = changeSteps(opened)

    describe('in views', () => {
      test('a change shows its status, its content, and what it waits behind', async () => {
        const order = orderAt(0)
        const applied = changeAt(1, order, amend({ customerName: 'A', totalPrice: 2 }, 1))
        const dead = changeAt(2, order, cancel('too late'))
        const waiting = changeAt(3, order, named('B'))
        await store([order], { changes: [applied] })
        await kill(dead, { changes: [waiting], now: LATER })
        const { orderId } = order
        const shown = { orderId, acceptedAt: ACCEPTED_AT }
        const expected = [
          {
            ...shown,
            changeId: applied.changeId,
            kind: 'amend',
            status: 'applied',
            updatedAt: NOW,
            expectedVersion: 1,
            version: 2,
            changes: { customerName: 'A', totalPrice: 2 },
          },
          {
            ...shown,
            changeId: dead.changeId,
            kind: 'cancel',
            status: 'dead-lettered',
            updatedAt: LATER,
            cause: CAUSE,
            reason: 'too late',
          },
          {
            ...shown,
            changeId: waiting.changeId,
            kind: 'amend',
            status: 'waiting',
            updatedAt: LATER,
            behind: { kind: 'change', changeId: dead.changeId, status: 'dead-lettered' },
            changes: { customerName: 'B' },
          },
        ]
        const all = await opened.views.changes(orderId, { limit: 9 })
        expect(all).toEqual({ items: expected, nextCursor: null })
        expect(await changeView(waiting)).toEqual(expected[2])
        const page = await opened.views.changes(orderId, { limit: 2 })
        expect(page.items).toEqual(expected.slice(0, 2))
        const rest = await opened.views.changes(orderId, { limit: 2, cursor: page.nextCursor! })
        expect(rest).toEqual({ items: expected.slice(2), nextCursor: null })
        const another = opened.views.changes(orderAt(9).orderId, { limit: 2, cursor: page.nextCursor! })
        await expect(another).rejects.toMatchObject({ code: 'invalid-request' })
        expect(await opened.views.getChanges([changeAt(9, order, cancel()).changeId])).toEqual(new Map())
        expect(await opened.views.countWaiting([orderId, orderAt(9).orderId])).toEqual(new Map([[orderId, 1]]))
      })

      test('a change waits behind its order, or behind the earliest change that is not decided', async () => {
        const [unknown, retrying, stored] = [orderAt(0), orderAt(1), orderAt(2)]
        const first = [unknown, retrying, stored].map((order, index) => changeAt(3 + index, order, named('A')))
        const second = [unknown, retrying, stored].map((order, index) => changeAt(6 + index, order, named('B')))
        await store([stored], { parked: [parkedFrom(retrying), parkedChange(first[2]!)] })
        await change(...first.slice(0, 2), ...second)
        const behind = async (one: ChangeToStore) => (await changeView(one))?.behind
        for (const one of [first, second]) {
          expect(await behind(one[0]!)).toEqual({ kind: 'order', orderId: unknown.orderId, status: 'accepted' })
          expect(await behind(one[1]!)).toEqual({ kind: 'order', orderId: retrying.orderId, status: 'retrying' })
        }
        const { changeId } = first[2]!
        expect(await behind(second[2]!)).toEqual({ kind: 'change', changeId, status: 'waiting' })
        // A change that is waiting for its own next attempt does not wait behind any other event.
        expect(await changeView(first[2]!)).toEqual({
          orderId: stored.orderId,
          changeId,
          kind: 'amend',
          status: 'waiting',
          acceptedAt: ACCEPTED_AT,
          updatedAt: NOW,
          cause: CAUSE,
          nextAttemptAt: LATER,
          changes: { customerName: 'A' },
        })
      })

      test('a dead change that nobody can read has its kind and its cause', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, named('A'))
        const { changeId } = dead
        await store([order], {
          parked: [
            parkedChange(dead, {
              ...DEAD,
              change: { changeId, kind: 'amend', change: null, idempotencyKeyHash: null },
            }),
          ],
        })
        expect(await changeView(dead)).toEqual({
          orderId: order.orderId,
          changeId,
          kind: 'amend',
          status: 'dead-lettered',
          acceptedAt: ACCEPTED_AT,
          updatedAt: NOW,
          cause: CAUSE,
        })
      })

      test('the history covers the order and its changes, in the order of time', async () => {
        const order = orderAt(0)
        const [first, second, third] = [named('A'), amend({ customerName: 'B' }, 7), cancel('enough')].map(
          (one, index) => changeAt(1 + index, order, one),
        ) as [ChangeToStore, ChangeToStore, ChangeToStore]
        await store([], { parked: [parkedFrom(order)] })
        await store([], { changes: [first], now: actAt(1).at })
        await store([], { parked: [parkedChange(second)], now: actAt(2).at })
        await store([order], { delivered: 'copy', now: actAt(3).at })
        await store([], { changes: [third], now: actAt(4).at })
        await store([], { changes: [second], delivered: 'copy', now: actAt(5).at })
        const [firstId, secondId, thirdId] = [first, second, third].map(({ changeId }) => changeId)
        expect(await history(order)).toEqual([
          { at: ACCEPTED_AT, kind: 'accepted' },
          { at: NOW, kind: 'attempt-failed', attempt: 1, nextAttemptAt: LATER, cause: CAUSE },
          { at: actAt(1).at, kind: 'change-waits', changeId: firstId },
          {
            at: actAt(2).at,
            kind: 'attempt-failed',
            attempt: 1,
            nextAttemptAt: LATER,
            cause: CAUSE,
            changeId: secondId,
          },
          { at: actAt(3).at, kind: 'stored' },
          { at: actAt(3).at, kind: 'amended', changeId: firstId, version: 2 },
          { at: actAt(4).at, kind: 'change-waits', changeId: thirdId },
          {
            at: actAt(5).at,
            kind: 'change-rejected',
            changeId: secondId,
            cause: { code: 'version-conflict', detail: expect.any(String) as string },
          },
          { at: actAt(5).at, kind: 'cancelled', changeId: thirdId, version: 3 },
        ])
      })

      test('the history of an order that is not stored yet has the entries of its changes', async () => {
        const order = orderAt(9)
        const [waiting, dead] = [changeAt(1, order, named('A')), changeAt(2, order, cancel())]
        await store([], { changes: [waiting], parked: [parkedChange(dead, DEAD)] })
        expect(await opened.views.history(order.orderId)).toEqual([
          expect.objectContaining({ kind: 'dead-lettered', changeId: dead.changeId }),
          expect.objectContaining({ kind: 'change-waits', changeId: waiting.changeId }),
        ])
        expect(await opened.views.history(orderAt(8).orderId)).toBeUndefined()
      })

      test('a dead letter names its change', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, cancel())
        await store([order])
        await kill(dead)
        const change = { changeId: dead.changeId, kind: 'cancel' }
        expect(await opened.deadLetters.get(letterIdOf(dead))).toMatchObject({ orderId: order.orderId, change })
        expect((await opened.deadLetters.list({ limit: 9 })).items).toMatchObject([{ change }])
        await opened.deadLetters.keep([letterOf(orderAt(2))])
        expect(Object.hasOwn((await opened.deadLetters.get('orders:0:2')) ?? {}, 'change')).toBe(false)
      })
    })

    describe('in lists and searches', () => {
      const [item] = orderAt(0).order.orderItems

      test('an amended order is found by what it is now, and no longer by what it was', async () => {
        const [order, other] = [orderAt(0), orderAt(1)]
        const items = [{ ...item!, brand: 'Zyzzyva', itemCode: 'QX-77' }]
        const amendment = amend({ customerName: 'Żaneta', customerEmail: 'zaneta42@example.org', orderItems: items })
        await store([order, other])
        await change(changeAt(2, order, amendment))
        for (const q of ['zaneta', 'zan', 'zyzzyva', 'qx', 'zaneta example', 'zaneta42', 'example', 'shirt zyzzyva']) {
          expect([q, await found(q)]).toEqual([q, q === 'example' ? [other.orderId, order.orderId] : [order.orderId]])
        }
        for (const q of ['alex', 'brand', 'ale', 'brand shirt', 'alex example']) {
          expect([q, await found(q)]).toEqual([q, [other.orderId]])
        }
        expect(await found('zaneta', { customersOnly: true })).toEqual([order.orderId])
        expect(await found('alex', { customersOnly: true })).toEqual([other.orderId])
        expect(await listed({ q: 'zyzzyva' })).toEqual([order.orderId])
        // Then the order is changed back.
        await change(changeAt(3, order, amend({ customerName: 'Alex', orderItems: [item!] })))
        expect(await found('zyzzyva')).toEqual([])
        expect(await found('alex brand')).toEqual([other.orderId, order.orderId])
        expect(await found('zaneta', { customersOnly: true })).toEqual([])
      })

      test('an amended order is listed by its new payment method, with and without words', async () => {
        const order = orderAt(0)
        await store([order], { changes: [changeAt(1, order, amend({ paymentMethodType: 'PayPal' }))] })
        for (const q of [{}, { q: 'alex' }]) {
          expect(await listed({ paymentMethod: 'PayPal', ...q })).toEqual([order.orderId])
          expect(await listed({ paymentMethod: 'CreditCard', ...q })).toEqual([])
          expect(await listed({ paymentMethod: 'PayPal', customerId: 1, currency: 'EUR', ...q })).toEqual([
            order.orderId,
          ])
        }
      })

      test('cancelled orders are listed separately, and found as before', async () => {
        const orders = [0, 1, 2, 3].map((offset) =>
          orderAt(offset, { order: { reference: `WEB-${offset % 2}`, customerId: 1 + (offset % 2) } }),
        )
        const [first, second, third, fourth] = orders.map(({ orderId }) => orderId)
        await store(orders, { changes: [1, 3].map((index) => changeAt(10 + index, orders[index]!, cancel())) })
        const from = ACCEPTED_AT
        for (const filter of [
          {},
          { q: 'alex' },
          { currency: 'EUR' },
          { paymentMethod: 'CreditCard', q: 'shirt' },
          { from },
        ]) {
          expect(await listed(filter)).toEqual([fourth, third, second, first])
          expect(await listed({ ...filter, status: 'stored' })).toEqual([third, first])
          expect(await listed({ ...filter, status: 'cancelled' })).toEqual([fourth, second])
        }
        for (const filter of [{ customerId: 2 }, { reference: 'WEB-1' }, { customerId: 2, q: 'alex' }]) {
          expect(await listed({ ...filter, status: 'cancelled' })).toEqual([fourth, second])
          expect(await listed({ ...filter, status: 'stored' })).toEqual([])
        }
        expect(await listed({ status: 'cancelled', to: ACCEPTED_AT })).toEqual([])
        expect(await listed({ status: 'cancelled', q: 'nobody' })).toEqual([])
        expect(await found('alex')).toEqual([fourth, third, second, first])
        const page = await opened.views.list({ limit: 1, status: 'cancelled' })
        expect(page.items).toMatchObject([{ orderId: fourth, status: 'cancelled' }])
        const rest = await opened.views.list({ limit: 1, status: 'cancelled', cursor: page.nextCursor! })
        expect(rest).toMatchObject({ items: [{ orderId: second }], nextCursor: null })
        const views = await opened.views.getMany([first!, second!])
        expect([views.get(first!)?.status, views.get(second!)?.status]).toEqual(['stored', 'cancelled'])
      })
    })
  })
}
