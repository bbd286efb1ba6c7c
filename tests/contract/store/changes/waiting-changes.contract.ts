import { describe, expect, test } from 'vitest'
import type { ChangeToStore } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  CAUSE,
  changeAt,
  changeLetterOf,
  LATER,
  letterIdOf,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'
import { again, amend, cancel, changeSteps, DEAD, editOf, named } from './change-steps.ts'

/** What every store guarantees about changes that wait for their turn. */
export function waitingChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, copy, view, changeView, statuses, line, stateOfLetter, listed, kill, killOrder } =
      changeSteps(opened)

    describe('that has to wait', () => {
      test('waits while its order is retried, without an attempt of its own, and takes effect with it', async () => {
        const [order, other] = [orderAt(0), orderAt(3)]
        const [first, second] = [changeAt(1, order, named('A')), changeAt(2, order, cancel())]
        await store([], { parked: [parkedFrom(order)] })
        expect(await change(first, second)).toEqual(['waiting', 'waiting'])
        // Other orders do not wait.
        expect(await store([other], { changes: [changeAt(4, other, named('B'))] })).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ status: 'retrying', attempt: 1 })
        expect(await line()).toMatchObject({ stored: 4, parked: 1, waiting: 2, balanced: true })
        await store([order], { delivered: 'copy', now: LATER })
        expect(await statuses(first, second)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'A', status: 'cancelled', version: 3, storedAt: LATER })
        expect(await line()).toMatchObject({ waiting: 0, balanced: true, states: { stored: 1, retrying: 0 } })
      })

      test('waits while its order is dead, and takes effect with its redrive', async () => {
        const order = orderAt(0)
        const first = changeAt(1, order, named('A'))
        await killOrder(order)
        expect(await change(first)).toEqual(['waiting'])
        await store([{ ...order, origin: place(2), redriveOf: letterIdOf(order) }])
        expect(await statuses(first)).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ customerName: 'A', version: 2, recovered: true })
        expect(await stateOfLetter(order)).toBe('resolved')
      })

      test('takes effect on what its order was edited to', async () => {
        const order = orderAt(0)
        const first = changeAt(1, order, amend({ customerLastName: 'A' }))
        await killOrder(order)
        await change(first)
        await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from('mended'), actAt(1))
        await store([editOf(order, 2)])
        expect(await statuses(first)).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ customerName: 'Mended', customerLastName: 'A', version: 2 })
      })

      test('waits for an order that the store does not know yet, however it arrives', async () => {
        const [late, early, apart] = [orderAt(10), orderAt(11), orderAt(12)]
        const changes = [late, early, apart].map((order, index) => changeAt(index, order, named('A')))
        expect(await change(...changes)).toEqual(['waiting', 'waiting', 'waiting'])
        expect(await view(late)).toBeUndefined()
        await store([late])
        await store([early], { delivered: 'copy' })
        // The record of this order is in another partition, as happens after partitions are added.
        await store([{ ...apart, origin: place(0, 1) }])
        expect(await statuses(...changes)).toEqual(['applied', 'applied', 'applied'])
      })

      test('waits behind an earlier change that is retried, and takes effect right after it', async () => {
        const order = orderAt(0)
        const changes = [1, 2, 3].map((offset) => changeAt(offset, order, named(`N${offset}`)))
        const [first, second, third] = changes as [ChangeToStore, ChangeToStore, ChangeToStore]
        const batch = { changes: [first, third], parked: [parkedChange(second)] }
        expect(await store([order], batch)).toEqual(['applied', 'waiting'])
        expect(await view(order)).toMatchObject({ customerName: 'N1', version: 2, status: 'stored' })
        expect(await statuses(...changes)).toEqual(['applied', 'waiting', 'waiting'])
        expect(await line()).toMatchObject({ stored: 3, parked: 1, waiting: 1, balanced: true })
        // The copy fails once more.
        await store([], { parked: [parkedChange(second, { attempt: 2 })], delivered: 'copy' })
        expect(await statuses(...changes)).toEqual(['applied', 'waiting', 'waiting'])
        expect(await copy(second)).toEqual(['applied'])
        expect(await statuses(...changes)).toEqual(['applied', 'applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'N3', version: 4 })
        expect(await line()).toMatchObject({ waiting: 0, balanced: true, states: { stored: 1, retrying: 0 } })
      })

      test('waits behind an earlier change that is dead, whether it can be read or not', async () => {
        for (const [index, readable] of [true, false].entries()) {
          const at = 4 * index
          const order = orderAt(at)
          const dead = changeAt(at + 1, order, named('A'))
          const waiting = changeAt(at + 2, order, amend({ customerLastName: 'B' }))
          const told = parkedChange(dead, DEAD)
          const unread = { changeId: dead.changeId, kind: 'amend', change: null, idempotencyKeyHash: null } as const
          await store([order], { parked: [readable ? told : { ...told, change: unread }] })
          await opened.deadLetters.keep([changeLetterOf(dead)])
          expect(await change(waiting)).toEqual(['waiting'])
          expect(await view(order)).toMatchObject({ status: 'stored', version: 1 })
          expect(await change(again(dead, at + 3))).toEqual(['applied'])
          expect(await statuses(dead, waiting)).toEqual(['applied', 'applied'])
          expect(await view(order)).toMatchObject({ customerName: 'A', customerLastName: 'B', version: 3 })
          expect(await stateOfLetter(dead)).toBe('resolved')
        }
      })

      test('behind a waiting change waits in its turn, and behind each of several that are parked', async () => {
        const order = orderAt(0)
        const changes = [1, 2, 3, 4].map((offset) => changeAt(offset, order, named(`N${offset}`)))
        const [first, second, third, fourth] = changes as [ChangeToStore, ChangeToStore, ChangeToStore, ChangeToStore]
        await store([order], { changes: [second, fourth], parked: [parkedChange(first), parkedChange(third)] })
        expect(await copy(third)).toEqual(['waiting'])
        expect(await statuses(...changes)).toEqual(['waiting', 'waiting', 'waiting', 'waiting'])
        expect(await view(order)).toMatchObject({ version: 1 })
        await copy(first)
        expect(await statuses(...changes)).toEqual(['applied', 'applied', 'applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'N4', version: 5 })
      })

      test('waits behind a redrive that failed again, and keeps its place', async () => {
        const order = orderAt(0)
        const [dead, waiting] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
        await store([order])
        await kill(dead)
        await change(waiting)
        const redriven = again(dead, 3)
        await store([], { parked: [parkedChange(redriven)] })
        expect(await changeView(dead)).toMatchObject({ status: 'waiting', cause: CAUSE, nextAttemptAt: LATER })
        await store([], { parked: [parkedChange(redriven, DEAD)], delivered: 'copy' })
        await opened.deadLetters.keep([changeLetterOf(redriven)])
        expect(await stateOfLetter(dead)).toBe('superseded')
        // The first failure is reported late, but the letter of the redrive is the one that counts.
        await store([], { parked: [parkedChange(dead, DEAD)] })
        expect(await statuses(dead, waiting)).toEqual(['dead-lettered', 'waiting'])
        expect(await change(again(redriven, 4))).toEqual(['applied'])
        expect(await statuses(dead, waiting)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 3 })
        expect([await stateOfLetter(dead), await stateOfLetter(redriven)]).toEqual(['superseded', 'resolved'])
      })

      test('does not wait behind letters of other consumers, or records that are not our events', async () => {
        const order = orderAt(0)
        const lost = changeAt(1, order, named('A'))
        const foreign = { dialect: 'spring', origin: place(1), exception: null } as const
        await store([order])
        await opened.deadLetters.keep([
          changeLetterOf(lost, { origin: { topic: 'orders-dlt', partition: 0, offset: 0 }, foreign, attempts: 0 }),
        ])
        // A record of an unknown type under the order's key.
        await store([], { parked: [parkedFrom(order, { ...DEAD, origin: place(1), order: null })] })
        expect(await change(changeAt(2, order, named('B')))).toEqual(['applied'])
      })

      test('a failure of a change leaves the order’s own status as it is', async () => {
        const order = orderAt(0)
        await store([order])
        await kill(changeAt(1, order, cancel()))
        expect(await view(order)).toMatchObject({ status: 'stored', version: 1 })
        expect(await listed({ status: 'dead-lettered' })).toEqual([])
        const unknown = orderAt(2)
        await kill(changeAt(3, unknown, cancel()))
        expect(await view(unknown)).toBeUndefined()
        expect(await line()).toMatchObject({ stored: 1, parked: 2, waiting: 0, states: { dead: 2 } })
      })

      test('a rejected order of the same batch does not let a change overtake what is parked', async () => {
        const [order, stranger] = [orderAt(0), orderAt(9)]
        const impostor = orderAt(3, { orderId: stranger.orderId, order: { customerName: 'Mallory' } })
        await store([order, stranger], { delivered: 'copy' })
        const [poison, waiting] = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
        const batch = { changes: [waiting], parked: [parkedChange(poison, DEAD)] }
        expect(await store([impostor], batch)).toEqual(['waiting'])
        expect(await view(order)).toMatchObject({ version: 1 })
        const parked = [...batch.parked, parkedFrom(impostor, DEAD)]
        expect(await store([], { ...batch, parked })).toEqual(['waiting'])
      })
    })
  })
}
