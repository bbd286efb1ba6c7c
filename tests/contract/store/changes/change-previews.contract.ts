import { describe, expect, test } from 'vitest'
import type { Amendment, OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { BatchPreview, ChangeToStore, OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  batchOf,
  changeAt,
  changeLetterOf,
  letterIdOf,
  letterOf,
  type OpenEmptyStore,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  withContent,
} from '../../store-fixtures.ts'

const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
const amend = (amendment: Amendment, expectedVersion?: number): OrderChange => ({
  kind: 'amend',
  amendment,
  ...(expectedVersion !== undefined && { expectedVersion }),
})
const named = (customerName: string) => amend({ customerName })
const CANCEL: OrderChange = { kind: 'cancel' }

/** What every store guarantees when orders are previewed together with their changes. */
export function changePreviewsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store that previews orders and changes together`, () => {
    const opened = openForEachTest(open)

    const redriven = <Event extends OrderToStore | ChangeToStore>(event: Event): Event => ({
      ...event,
      redriveOf: letterIdOf(event),
    })
    /** Dead-letters the events in `dead`, and stores the changes that wait behind them. */
    async function given(
      dead: { orders?: readonly OrderToStore[]; changes?: readonly ChangeToStore[] },
      waiting: readonly ChangeToStore[],
    ): Promise<void> {
      const { orders = [], changes = [] } = dead
      const parked = [
        ...orders.map((order) => parkedFrom(order, DEAD)),
        ...changes.map((change) => parkedChange(change, DEAD)),
      ]
      await opened.store.storeBatch(batchOf([], { parked, changes: waiting }))
      await opened.deadLetters.keep([
        ...orders.map((order) => letterOf(order)),
        ...changes.map((change) => changeLetterOf(change)),
      ])
    }
    /** Redrives for real. Returns the outcome of each change in `all`. */
    async function really(orders: readonly OrderToStore[], changes: readonly ChangeToStore[], all: ChangeToStore[]) {
      await opened.store.storeBatch(batchOf(orders.map(redriven), { changes: changes.map(redriven) }))
      const views = await opened.views.getChanges(all.map(({ changeId }) => changeId))
      return all.map(({ changeId }) => [views.get(changeId)?.status, views.get(changeId)?.cause?.code])
    }
    const brief = ({ changes, followers }: BatchPreview) => ({
      changes: changes.map((one) => [one.kind, 'cause' in one ? one.cause?.code : undefined]),
      followers: followers.map(({ changeId, kind, cause }) => [changeId, kind, cause?.code]),
    })

    test('a change whose order is in the batch takes effect after it, and so does what waits behind both', async () => {
      const order = orderAt(0)
      const [dead, late] = [changeAt(1, order, amend({ customerName: 'A' }, 1)), changeAt(2, order, amend({}, 9))]
      const [follower, refused] = [changeAt(3, order, named('B')), changeAt(4, order, amend({ customerName: 'C' }, 1))]
      await given({ orders: [order], changes: [dead, late] }, [follower, refused])
      const before = [
        await opened.views.history(order.orderId),
        await opened.ledger.read('order-processor', 'orders', 9),
      ]
      const preview = await opened.store.previewBatch({
        orders: [redriven(order)],
        changes: [redriven(late), redriven(dead)],
      })
      expect(preview.outcomes).toEqual([{ kind: 'stored' }])
      expect(brief(preview)).toEqual({
        changes: [
          ['refused', 'version-conflict'],
          ['applied', undefined],
        ],
        followers: [
          [follower.changeId, 'applied', undefined],
          [refused.changeId, 'refused', 'version-conflict'],
        ],
      })
      expect([
        await opened.views.history(order.orderId),
        await opened.ledger.read('order-processor', 'orders', 9),
      ]).toEqual(before)
      expect(await really([order], [dead, late], [dead, late, follower, refused])).toEqual([
        ['applied', undefined],
        ['rejected', 'version-conflict'],
        ['applied', undefined],
        ['rejected', 'version-conflict'],
      ])
    })

    test('nothing passes a dead change that is not in the batch', async () => {
      const order = orderAt(0)
      const [left, dead] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
      await given({ orders: [order], changes: [left, dead] }, [changeAt(3, order, named('C'))])
      const preview = await opened.store.previewBatch({ orders: [redriven(order)], changes: [redriven(dead)] })
      expect(brief(preview)).toEqual({ changes: [['waiting', undefined]], followers: [] })
    })

    test('a lone order takes along what waits for it, and each change only its own order', async () => {
      const [first, second] = [orderAt(0), orderAt(1)]
      const [ofFirst, ofSecond] = [changeAt(2, first, CANCEL), changeAt(3, second, named('B'))]
      await given({ orders: [first, second] }, [ofFirst, ofSecond])
      const preview = await opened.store.previewBatch({ orders: [redriven(first)] })
      expect(preview.followers).toEqual([{ orderId: first.orderId, changeId: ofFirst.changeId, kind: 'applied' }])
      const takenIn = await opened.store.previewBatch({ orders: [redriven(first)], changes: [ofFirst] })
      expect(brief(takenIn)).toEqual({ changes: [['applied', undefined]], followers: [] })
      const both = await opened.store.previewBatch({ orders: [first, second].map(redriven) })
      expect(new Set(both.followers.map(({ changeId }) => changeId))).toEqual(
        new Set([ofFirst.changeId, ofSecond.changeId]),
      )
    })

    test('a change waits if its order is still refused', async () => {
      const order = orderAt(0)
      const [item] = order.order.orderItems
      const bad = withContent(order, { orderItems: [{ ...item!, quantity: -1 }] })
      const dead = changeAt(1, order, named('A'))
      await given({ orders: [bad], changes: [dead] }, [changeAt(2, order, named('B'))])
      const preview = await opened.store.previewBatch({ orders: [redriven(bad)], changes: [redriven(dead)] })
      expect(preview.outcomes).toMatchObject([{ kind: 'rejected', code: 'constraint-violated' }])
      expect(brief(preview)).toEqual({ changes: [['waiting', undefined]], followers: [] })
    })

    test('a change that the tables refuse is refused alone, whether its order is stored or in the batch', async () => {
      const [stored, dead] = [orderAt(0), orderAt(1)]
      await opened.store.storeBatch(batchOf([stored]))
      const [item] = stored.order.orderItems
      const bad = amend({ orderItems: [{ ...item!, quantity: -1 }] })
      for (const [index, order] of [stored, dead].entries()) {
        const [refused, good] = [changeAt(10 * index + 2, order, bad), changeAt(10 * index + 3, order, named('A'))]
        await given({ orders: order === dead ? [dead] : [], changes: [refused] }, [good])
        const preview = await opened.store.previewBatch({
          orders: order === dead ? [redriven(dead)] : [],
          changes: [redriven(refused)],
        })
        expect(brief(preview)).toEqual({
          changes: [['refused', 'constraint-violated']],
          followers: [[good.changeId, 'applied', undefined]],
        })
      }
    })
  })
}
