import { describe, expect, test } from 'vitest'
import {
  actAt,
  batchOf,
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
import { again, amend, cancel, changeSteps, DEAD, named } from './change-steps.ts'

/** What every store guarantees about changes that are delivered more than once or out of sequence. */
export function redeliveredChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    const opened = openForEachTest(open)
    const { store, change, copy, view, changeView, statuses, history, kindsOf, line, stateOfLetter, kill, killOrder } =
      changeSteps(opened)

    describe('that is delivered again', () => {
      test('changes nothing, at any point of a history', async () => {
        const order = orderAt(0)
        const changes = [
          changeAt(1, order, named('A')),
          changeAt(2, order, amend({ customerName: 'B' }, 1)),
          changeAt(3, order, cancel()),
        ]
        const outcomes = ['applied', 'refused', 'applied']
        expect(await store([order], { changes })).toEqual(outcomes)
        const before = [await view(order), await history(order), await line()]
        expect(await store([order], { changes, now: LATER })).toEqual(outcomes)
        expect(await copy(...changes)).toEqual(outcomes)
        for (const one of changes) await change(one)
        expect([await view(order), await history(order), await line()]).toEqual(before)
      })

      test('goes on waiting', async () => {
        const order = orderAt(0)
        const waiting = [changeAt(1, order, named('A')), changeAt(2, order, named('B'))]
        await store([], { parked: [parkedFrom(order)] })
        await change(...waiting)
        const before = [await history(order), await line()]
        expect(await store([], { changes: waiting, now: LATER })).toEqual(['waiting', 'waiting'])
        expect([await history(order), await line()]).toEqual(before)
      })

      test('after it was parked takes its turn, and late reports of its failure change nothing', async () => {
        const order = orderAt(0)
        const first = changeAt(1, order, named('A'))
        await store([order], { parked: [parkedChange(first)] })
        expect(await change(first)).toEqual(['applied'])
        const told = await history(order)
        await store([], { parked: [parkedChange(first, { attempt: 2 })], delivered: 'copy', now: LATER })
        await opened.deadLetters.keep([changeLetterOf(first)])
        expect(await stateOfLetter(first)).toBe('resolved')
        expect(await statuses(first)).toEqual(['applied'])
        expect(await history(order)).toEqual(told)
        expect(await copy(first)).toEqual(['applied'])
        expect(await line()).toMatchObject({ balanced: true, parked: 1, states: { stored: 1, dead: 0, retrying: 0 } })
      })

      test('from another position is a duplicate, also within one batch', async () => {
        const order = orderAt(0)
        const first = changeAt(1, order, named('A'))
        expect(await store([order], { changes: [first, { ...first, origin: place(2) }] })).toEqual([
          'applied',
          'duplicate',
        ])
        expect(await change({ ...first, origin: place(3) })).toEqual(['duplicate'])
        expect(await view(order)).toMatchObject({ version: 2 })
        expect(await line()).toMatchObject({ stored: 2, duplicate: 2, balanced: true })
      })

      test('with other content, or for another order, under a known id is rejected, and the others go on', async () => {
        const [order, other] = [orderAt(0), orderAt(1)]
        const first = changeAt(2, order, named('A'))
        const { changeId } = first
        await store([order, other], { changes: [first] })
        const impostors = [changeAt(3, order, named('B'), { changeId }), changeAt(4, other, named('A'), { changeId })]
        const good = changeAt(5, order, amend({ customerLastName: 'C' }))
        const batch = batchOf([], { changes: [...impostors, good] })
        expect(await opened.store.storeBatch(batch)).toMatchObject({
          changes: [{ code: 'order-id-reused' }, { code: 'order-id-reused' }, { kind: 'applied' }],
          counted: false,
        })
        const parked = impostors.map((one) => parkedChange(one, DEAD))
        await store([], { changes: [good], parked })
        expect(await line()).toMatchObject({ stored: 4, parked: 2, next: 6, balanced: true })
        // Nothing waits behind an impostor, and its letter does not belong to the change whose id it has.
        await opened.deadLetters.keep(impostors.map((one) => changeLetterOf(one)))
        await opened.redriveTasks.discardMany(impostors.map(letterIdOf), actAt(1))
        expect(await statuses(first)).toEqual(['applied'])
        const after = [changeAt(6, order, named('D')), changeAt(7, other, named('E'))]
        expect(await change(...after)).toEqual(['applied', 'applied'])
      })

      test('at a position that another log had before is a change of its own', async () => {
        const [before, after] = [orderAt(0), orderAt(0)]
        const [old, young] = [changeAt(1, before, named('A')), changeAt(1, after, named('B'))]
        await store([before])
        await kill(old)
        await store([after])
        await store([], { parked: [parkedChange(young)] })
        expect(await changeView(young)).toMatchObject({ status: 'waiting', nextAttemptAt: LATER })
        await store([], { parked: [parkedChange(young, DEAD)], delivered: 'copy' })
        await opened.deadLetters.keep([changeLetterOf(young)])
        expect(await statuses(old, young)).toEqual(['dead-lettered', 'dead-lettered'])
        expect(await copy(young)).toEqual(['applied'])
        await opened.redriveTasks.discard(letterIdOf(old), actAt(1))
        expect(await statuses(old, young)).toEqual(['discarded', 'applied'])
        const letters = await opened.deadLetters.list({ limit: 9, orderId: after.orderId })
        expect(letters.items).toMatchObject([{ state: 'resolved', change: { changeId: young.changeId } }])
      })

      test('has a letter of its own at a position where another log had its order', async () => {
        const order = orderAt(1)
        const dead = changeAt(1, order, named('A'))
        await killOrder(order)
        await kill(dead)
        expect(await copy(dead)).toEqual(['waiting'])
        const { items } = await opened.deadLetters.list({ limit: 9, orderId: order.orderId })
        expect(items.map(({ state, change }) => [state, change?.changeId])).toEqual([
          ['resolved', dead.changeId],
          ['dead', undefined],
        ])
      })
    })

    describe('whose copy comes before its origin was counted', () => {
      const order = orderAt(0)
      const [first, second] = [changeAt(1, order, named('A')), changeAt(2, order, amend({ customerName: 'B' }))]

      test('waits for the batch of its origin, so that it does not overtake the changes in it', async () => {
        await store([order])
        // The process that received the change died after it had sent the copy.
        expect(await copy(second)).toEqual(['waiting'])
        expect(await view(order)).toMatchObject({ version: 1 })
        expect(await change(first, second)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 3 })
      })

      test('takes its turn even if the origin fails again in that batch', async () => {
        await store([order])
        await copy(second)
        expect(await store([], { changes: [first], parked: [parkedChange(second)] })).toEqual(['applied'])
        expect(await statuses(first, second)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 3 })
        expect(await line()).toMatchObject({ next: 3, waiting: 0, balanced: true })
      })

      test('has no entry in the history about waiting if it is decided when its turn comes', async () => {
        await store([order])
        await copy(second)
        await change(first, second)
        expect(await kindsOf(order)).toEqual(['accepted', 'stored', 'amended', 'amended'])
        const behind = changeAt(4, order, named('D'))
        await copy(behind)
        await store([], { changes: [behind], parked: [parkedChange(changeAt(3, order, cancel()))] })
        expect((await kindsOf(order)).slice(4).toSorted()).toEqual(['attempt-failed', 'change-waits'])
      })

      test('is not rejected with what waits behind a change that is discarded', async () => {
        await store([order])
        await kill(first)
        const [behind, early] = [changeAt(2, order, named('C')), changeAt(9, order, named('D'))]
        await change(behind)
        await copy(early)
        await opened.redriveTasks.discard(letterIdOf(first), actAt(1))
        expect(await statuses(first, behind, early)).toEqual(['discarded', 'earlier-change-discarded', 'waiting'])
        expect(await change(early)).toEqual(['applied'])
      })

      test('takes its turn at once if the ledger has passed over its origin, or does not count its topic', async () => {
        await store([order, orderAt(5)])
        expect(await copy(first)).toEqual(['applied'])
        // Somebody sent this change directly to a retry topic.
        const sent = changeAt(0, order, named('Sent'), { origin: { topic: 'orders-retry-1', partition: 0, offset: 0 } })
        expect(await copy(sent)).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ customerName: 'Sent', version: 3 })
      })

      test('takes its turn in that batch although its letter was discarded before, so it is overtaken when it is restored later', async () => {
        await store([order])
        await opened.deadLetters.keep([changeLetterOf(first)])
        await opened.redriveTasks.discard(letterIdOf(first), actAt(1))
        expect(await change(first, second)).toEqual(['withheld', 'applied'])
        await opened.redriveTasks.restore(letterIdOf(first), actAt(2))
        expect(await change(again(first, 3))).toEqual(['refused'])
        expect(await statuses(first)).toEqual(['overtaken'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 2 })
      })

      test('is known by its content from then on, although its letter was discarded before', async () => {
        await store([order])
        await opened.deadLetters.keep([changeLetterOf(first)])
        await opened.redriveTasks.discard(letterIdOf(first), actAt(1))
        await change(first)
        expect(await changeView(first)).toMatchObject({ status: 'discarded', changes: { customerName: 'A' } })
        await opened.redriveTasks.restore(letterIdOf(first), actAt(2))
        expect(await change(changeAt(2, order, cancel(), { changeId: first.changeId }))).toEqual(['order-id-reused'])
      })

      test('holds up only later changes if it is dead', async () => {
        await store([order])
        await opened.deadLetters.keep([changeLetterOf(second)])
        const third = changeAt(3, order, amend({ customerName: 'C' }))
        const batch = { changes: [first, third], parked: [parkedChange(second, DEAD)] }
        expect(await store([], batch)).toEqual(['applied', 'waiting'])
        expect(await statuses(first, second, third)).toEqual(['applied', 'dead-lettered', 'waiting'])
        expect(await change(again(second, 4))).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ customerName: 'C', version: 4 })
        const entries = (await history(order)).filter(({ changeId }) => changeId === second.changeId)
        expect(entries.map(({ kind }) => kind)).toEqual(['dead-lettered', 'amended'])
      })
    })
  })
}
