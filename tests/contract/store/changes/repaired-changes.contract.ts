import { describe, expect, test } from 'vitest'
import type { ChangeToStore, OrderToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  changeAt,
  changeLetterOf,
  letterIdOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedChange,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { again, amend, cancel, changeSteps, DEAD, named } from './change-steps.ts'

/** What every store guarantees about operators' actions on dead changes. */
export function repairedChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, copy, view, changeView, statuses, history, kindsOf, line, stateOfLetter, kill, killOrder } =
      changeSteps(opened)

    describe('and operators', () => {
      test('discarding a dead change rejects what waits behind it, but no earlier changes, and none of other orders', async () => {
        const [order, other] = [orderAt(0), orderAt(1)]
        await store([order, other])
        const at = (offset: number, of: OrderToStore = order) => changeAt(offset, of, named(`N${offset}`))
        const [first, second, dead, fourth, fifth] = [at(2), at(3), at(4), at(5), at(6)]
        const [otherDead, otherWaiting] = [at(7, other), at(8, other)]
        await store([], { changes: [second], parked: [parkedChange(first)] })
        await kill(dead, { changes: [fourth, fifth] })
        await kill(otherDead, { changes: [otherWaiting] })
        expect(await line()).toMatchObject({ waiting: 4 })
        expect(await opened.redriveTasks.discard(letterIdOf(dead), actAt(1, { reason: 'a test' }))).toMatchObject({
          state: 'discarded',
          change: { changeId: dead.changeId, kind: 'amend' },
        })
        const rejected = 'earlier-change-discarded'
        expect(await statuses(first, second)).toEqual(['waiting', 'waiting'])
        expect(await statuses(dead, fourth, fifth)).toEqual(['discarded', rejected, rejected])
        expect(await statuses(otherDead, otherWaiting)).toEqual(['dead-lettered', 'waiting'])
        expect(await view(order)).toMatchObject({ status: 'stored' })
        expect(await line()).toMatchObject({ balanced: true, states: { discarded: 1, dead: 1, retrying: 1 } })
        const entries = (await history(order)).filter(({ changeId }) => changeId === dead.changeId)
        expect(entries).toMatchObject([
          { kind: 'dead-lettered' },
          { kind: 'discarded', reason: 'a test', at: actAt(1).at },
        ])
        // A later change now waits only for the change before the discarded one.
        const later = changeAt(9, order, named('Z'))
        expect(await change(later)).toEqual(['waiting'])
        expect(await copy(first)).toEqual(['applied'])
        expect(await statuses(second, later)).toEqual(['applied', 'applied'])
      })

      test('a discarded change stays so when it is delivered again', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, named('A'))
        await store([order])
        await kill(dead)
        await opened.redriveTasks.discardMany([letterIdOf(dead)], actAt(1))
        expect(await change(dead)).toEqual(['withheld'])
        expect(await change(again(dead, 2))).toEqual(['withheld'])
        await store([], { parked: [parkedChange(dead, DEAD)] })
        await opened.deadLetters.keep([changeLetterOf(dead)])
        expect(await statuses(dead)).toEqual(['discarded'])
        expect(await view(order)).toMatchObject({ version: 1 })
        expect(await line()).toMatchObject({ parked: 2, balanced: true, states: { discarded: 2 } })
      })

      test('a restored change is dead again, and holds what comes after it', async () => {
        const order = orderAt(0)
        const [dead, waiting] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
        await store([order])
        await kill(dead)
        await opened.redriveTasks.discard(letterIdOf(dead), actAt(1))
        await opened.redriveTasks.restore(letterIdOf(dead), actAt(2))
        expect(await changeView(dead)).toMatchObject({ status: 'dead-lettered', updatedAt: actAt(2).at })
        expect(await change(waiting)).toEqual(['waiting'])
        expect(await change(again(dead, 3))).toEqual(['applied'])
        expect(await statuses(dead, waiting)).toEqual(['applied', 'applied'])
        expect(await kindsOf(order)).toContain('restored')
      })

      test('a restored change that was overtaken meanwhile is rejected when it comes back', async () => {
        const order = orderAt(0)
        const [dead, later] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
        await store([order])
        await kill(dead)
        await opened.redriveTasks.discard(letterIdOf(dead), actAt(1))
        expect(await change(later)).toEqual(['applied'])
        await opened.redriveTasks.restore(letterIdOf(dead), actAt(2))
        expect(await change(again(dead, 3))).toEqual(['refused'])
        expect(await statuses(dead)).toEqual(['overtaken'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 2 })
        expect(await stateOfLetter(dead)).toBe('resolved')
      })

      test('discarding the order rejects what waits for it, and what comes later', async () => {
        const order = orderAt(0)
        const waiting = [changeAt(1, order, named('A')), changeAt(2, order, cancel())]
        await killOrder(order)
        await change(...waiting)
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await view(order)).toMatchObject({ status: 'discarded' })
        expect(await statuses(...waiting)).toEqual(['order-discarded', 'order-discarded'])
        const later = changeAt(3, order, named('B'))
        expect(await change(later)).toEqual(['refused'])
        expect(await statuses(later)).toEqual(['order-discarded'])
        expect(await line()).toMatchObject({ waiting: 0, balanced: true })
      })

      test('letters of changes neither keep an order from being discarded nor discard it', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, named('A'))
        await killOrder(order)
        await kill(dead)
        await opened.redriveTasks.discard(letterIdOf(dead), actAt(1))
        expect(await view(order)).toMatchObject({ status: 'dead-lettered' })
        await opened.redriveTasks.restore(letterIdOf(dead), actAt(2))
        await opened.redriveTasks.discard(letterIdOf(order), actAt(3))
        expect(await view(order)).toMatchObject({ status: 'discarded' })
        expect(await statuses(dead)).toEqual(['dead-lettered'])
        await opened.redriveTasks.discard(letterIdOf(dead), actAt(4))
        await opened.redriveTasks.restore(letterIdOf(dead), actAt(5))
        expect(await view(order)).toMatchObject({ status: 'discarded', updatedAt: actAt(3).at })
      })

      test('a change cannot be edited', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, named('A'))
        await store([order])
        await kill(dead)
        const edit = opened.redriveTasks.recordEdit(letterIdOf(dead), Buffer.from('{}'), actAt(1))
        await expect(edit).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('Discard it') })
        expect((await opened.deadLetters.get(letterIdOf(dead)))?.editedValue).toBeNull()
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toEqual([])
      })

      test('a redrive of a change is in the history and in its task’s figures', async () => {
        const order = orderAt(0)
        const dead = changeAt(1, order, named('A'))
        await store([order])
        await kill(dead)
        const { redriveTasks } = opened
        await redriveTasks.create({ id: 'task', letters: {}, ratePerSecond: 9 }, actAt(0, { reason: 'mended' }))
        await redriveTasks.lease('one', 0, 1000)
        const claimed = await redriveTasks.claim('task', 'one', 9)
        expect(claimed).toMatchObject([{ change: { changeId: dead.changeId, kind: 'amend' }, orderId: order.orderId }])
        await redriveTasks.markSent('task', [letterIdOf(dead)], actAt(1).at)
        expect(await redriveTasks.get('task')).toMatchObject({ pending: 1, lastStep: { retrying: 0 } })
        await store([], { parked: [parkedChange(again(dead, 2))], now: actAt(2).at })
        expect(await redriveTasks.get('task')).toMatchObject({ pending: 1, lastStep: { retrying: 1 } })
        await store([], { changes: [again(dead, 2)], delivered: 'copy', now: actAt(3).at })
        expect(await redriveTasks.get('task')).toMatchObject({ resolved: 1, pending: 0 })
        const entries = (await history(order)).filter(({ changeId }) => changeId === dead.changeId)
        expect(entries).toMatchObject([
          { kind: 'dead-lettered', at: NOW },
          { kind: 'redriven', at: actAt(1).at, reason: 'mended' },
          { kind: 'attempt-failed', at: actAt(2).at },
          { kind: 'amended', at: actAt(3).at, version: 2 },
        ])
      })
    })

    test('a preview says what would become of each change, and changes nothing', async () => {
      const [order, cancelled] = [orderAt(0), orderAt(1)]
      await store([order, cancelled], { changes: [changeAt(2, cancelled, cancel())] })
      const [dead, waiting] = [changeAt(3, order, named('A')), changeAt(4, order, named('B'))]
      await kill(dead, { changes: [waiting] })
      const before = [await history(order), await line()]
      const [item] = order.order.orderItems
      const previewOf = async (changes: ChangeToStore[]) =>
        (await opened.store.previewBatch({ orders: [], changes })).changes
      const reused = changeAt(8, order, named('E'), { changeId: waiting.changeId })
      const outcomes = [
        ...(await previewOf([again(dead, 5)])),
        ...(await previewOf([changeAt(6, order, named('C')), changeAt(7, cancelled, named('D')), waiting])),
        ...(await previewOf([reused, changeAt(9, orderAt(0), named('F'))])),
      ]
      expect(outcomes.map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))).toEqual([
        'applied',
        'waiting',
        'refused',
        'waiting',
        'order-id-reused',
        'waiting',
      ])
      const bad = changeAt(9, orderAt(0), amend({ orderItems: [{ ...item!, quantity: -1 }] }))
      await store([{ ...orderAt(9), orderId: bad.orderId }])
      expect(await previewOf([bad])).toMatchObject([{ kind: 'refused' }])
      expect(await statuses(dead, waiting, bad)).toEqual(['dead-lettered', 'waiting', undefined])
      expect(await history(order)).toEqual(before[0])
      expect(await view(order)).toMatchObject({ version: 1 })
      expect(await line()).toMatchObject({ waiting: 1, balanced: true })
    })
  })
}
