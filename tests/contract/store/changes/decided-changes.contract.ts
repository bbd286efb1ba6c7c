import { describe, expect, test } from 'vitest'
import type { ChangeToStore } from '../../../../shared/ports/order-store.ts'
import {
  ACCEPTED_AT,
  changeAt,
  keyHash,
  LATER,
  openForEachTest,
  orderAt,
  parkedChange,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { amend, cancel, changeSteps, named } from './change-steps.ts'

/** What every store guarantees about changes whose turn has come. */
export function decidedChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, copy, view, changeView, statuses, line, found } = changeSteps(opened)

    describe('whose turn has come', () => {
      test('an order that was never changed has version 1', async () => {
        const order = orderAt(0)
        await store([order])
        expect(await view(order)).toMatchObject({ status: 'stored', version: 1 })
        expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
      })

      test('an amendment replaces the members that it names, and a cancellation ends the order', async () => {
        const order = orderAt(0, { order: { reference: 'WEB-1', metadata: { channel: 'web' } } })
        const items = [{ ...order.order.orderItems[0]!, itemCode: 'B-2', quantity: 2 }]
        const first = changeAt(1, order, amend({ customerName: 'Zoë', totalPrice: 85, orderItems: items }))
        const second = changeAt(2, order, cancel('changed my mind'), { acceptedAt: '2026-01-01T00:00:03.000Z' })
        await store([order])
        const before = await view(order)
        expect(await store([], { changes: [first], now: LATER })).toEqual(['applied'])
        const { longDescription } = before!.orderItems![0]!
        expect(await view(order)).toEqual({
          ...before,
          version: 2,
          customerName: 'Zoë',
          customerFullName: 'Zoë Example',
          totalPrice: 85,
          orderItems: [{ ...items[0], longDescription }],
        })
        const amended = await view(order)
        expect(await store([], { changes: [second], now: LATER })).toEqual(['applied'])
        expect(await view(order)).toEqual({
          ...amended,
          status: 'cancelled',
          version: 3,
          cancelledAt: '2026-01-01T00:00:03.000Z',
          cancellationReason: 'changed my mind',
        })
      })

      test('a cancellation needs no reason', async () => {
        const order = orderAt(0)
        await store([order], { changes: [changeAt(1, order, cancel())] })
        const cancelled = await view(order)
        expect([cancelled?.status, Object.hasOwn(cancelled ?? {}, 'cancellationReason')]).toEqual(['cancelled', false])
      })

      test('many changes to several orders in one batch take effect in the order of the log', async () => {
        const [one, other] = [orderAt(0), orderAt(3)] as const
        const changes = [
          changeAt(1, one, named('A')),
          changeAt(2, one, amend({ customerName: 'B', customerLastName: 'B' })),
          changeAt(4, other, named('X')),
          changeAt(5, one, amend({ customerName: 'C' }, 3)),
          changeAt(6, other, cancel('no')),
          changeAt(7, other, named('Y')),
        ]
        const outcomes = await store([one, other], { changes })
        expect(outcomes).toEqual(['applied', 'applied', 'applied', 'applied', 'applied', 'refused'])
        expect(await view(one)).toMatchObject({ customerName: 'C', customerLastName: 'B', version: 4 })
        expect(await view(other)).toMatchObject({ customerName: 'X', status: 'cancelled', version: 3 })
        expect(await line()).toMatchObject({ next: 8, stored: 8, waiting: 0, balanced: true })
      })

      test('an amendment with 500 items replaces all the items', async () => {
        const order = orderAt(0)
        const [item] = order.order.orderItems
        const orderItems = Array.from({ length: 500 }, (_, index) => ({ ...item!, itemCode: `N-${index}` }))
        await store([order], { changes: [changeAt(1, order, amend({ orderItems }))] })
        expect((await view(order))?.orderItems?.map(({ itemCode }) => itemCode)).toEqual(
          orderItems.map(({ itemCode }) => itemCode),
        )
        await change(changeAt(2, order, amend({ orderItems: [item!] })))
        expect((await view(order))?.orderItems).toHaveLength(1)
      })
    })

    describe('that is refused', () => {
      test('by a cancelled order, with the cause', async () => {
        const order = orderAt(0)
        const late = [changeAt(2, order, named('A')), changeAt(3, order, cancel('again'))]
        await store([order], { changes: [changeAt(1, order, cancel('first'))] })
        expect(await change(...late)).toEqual(['refused', 'refused'])
        expect(await statuses(...late)).toEqual(['order-cancelled', 'order-cancelled'])
        expect(await view(order)).toMatchObject({ cancellationReason: 'first', version: 2, customerName: 'Alex' })
      })

      test('if the order does not have the expected version when its turn comes', async () => {
        const order = orderAt(0)
        const changes = [
          changeAt(1, order, amend({ customerName: 'A' }, 2)),
          changeAt(2, order, amend({ customerName: 'B' }, 1)),
          changeAt(3, order, amend({ customerName: 'C' }, 1)),
          changeAt(4, order, amend({ customerName: 'D' }, 2)),
        ]
        expect(await change(...changes)).toEqual(['waiting', 'waiting', 'waiting', 'waiting'])
        await store([order], { delivered: 'copy' })
        expect(await statuses(...changes)).toEqual(['version-conflict', 'applied', 'version-conflict', 'applied'])
        expect(await changeView(changes[0]!)).toMatchObject({ expectedVersion: 2, cause: { code: 'version-conflict' } })
        expect(await view(order)).toMatchObject({ customerName: 'D', version: 3 })
      })

      test('if the store does not allow it: nothing of it is kept, and the others are applied', async () => {
        const [order, other] = [orderAt(0), orderAt(5)]
        const [item] = order.order.orderItems
        const changes = [
          changeAt(1, order, named('Before')),
          changeAt(
            2,
            order,
            amend({
              orderItems: [
                { ...item!, itemCode: 'X-1' },
                { ...item!, brand: 'Zyzzyva', quantity: -1 },
              ],
            }),
          ),
          changeAt(3, order, amend({ customerLastName: 'After' }, 2)),
          changeAt(6, other, named('Other')),
        ]
        expect(await store([order, other], { changes })).toEqual(['applied', 'refused', 'applied', 'applied'])
        expect(await statuses(changes[1]!)).toEqual(['constraint-violated'])
        expect(await view(order)).toMatchObject({ customerName: 'Before', customerLastName: 'After', version: 3 })
        expect((await view(order))?.orderItems).toMatchObject([{ itemCode: 'A-1' }])
        expect(await found('zyzzyva')).toEqual([])
        expect(await line()).toMatchObject({ stored: 6, parked: 0, balanced: true })
      })

      test('if its Idempotency-Key belongs to another change that is parked', async () => {
        const order = orderAt(0)
        const idempotencyKeyHash = keyHash('key')
        const [first, second] = [1, 2].map((offset) =>
          changeAt(offset, order, named(`N${offset}`), { idempotencyKeyHash }),
        ) as [ChangeToStore, ChangeToStore]
        await store([order], { parked: [parkedChange(first)] })
        expect(await change(second)).toEqual(['refused'])
        expect(await statuses(second)).toEqual(['idempotency-key-reused'])
        const known = { changeId: first.changeId, bodyHash: first.bodyHash, acceptedAt: ACCEPTED_AT }
        expect(await opened.store.findChangeByIdempotencyKey(idempotencyKeyHash)).toEqual(known)
        // The first change keeps the key when a third change with the same key is parked.
        await store([], { parked: [parkedChange(changeAt(3, order, cancel(), { idempotencyKeyHash }))] })
        expect(await copy(first)).toEqual(['applied'])
        expect(await opened.store.findChangeByIdempotencyKey(idempotencyKeyHash)).toEqual(known)
      })

      test('if its Idempotency-Key belongs to another change', async () => {
        const order = orderAt(0)
        const idempotencyKeyHash = keyHash('key')
        const first = changeAt(1, order, named('A'), { idempotencyKeyHash })
        const second = changeAt(2, order, named('B'), { idempotencyKeyHash })
        expect(await store([order], { changes: [first, second] })).toEqual(['applied', 'refused'])
        expect(await statuses(second)).toEqual(['idempotency-key-reused'])
        expect(await change(second)).toEqual(['refused'])
        expect(await opened.store.findChangeByIdempotencyKey(idempotencyKeyHash)).toEqual({
          changeId: first.changeId,
          bodyHash: first.bodyHash,
          acceptedAt: ACCEPTED_AT,
        })
        expect(await opened.store.findChangeByIdempotencyKey(keyHash('another'))).toBeUndefined()
        // Orders have keys of their own, separate from those of changes.
        expect(await opened.store.findByIdempotencyKey(idempotencyKeyHash)).toBeUndefined()
        expect(await view(order)).toMatchObject({ customerName: 'A', version: 2 })
      })
    })
  })
}
