import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Amendment, OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import type { RecordPosition } from '../../../shared/ports/event-log.ts'
import type { ChangeToStore, OrderToStore, StoreBatch } from '../../../shared/ports/order-store.ts'
import {
  ACCEPTED_AT,
  actAt,
  batchOf,
  CAUSE,
  changeAt,
  changeLetterOf,
  GROUP,
  keyHash,
  LATER,
  letterIdOf,
  letterOf,
  lineOf,
  NOW,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenEmptyStore,
  type OpenStore,
} from '../store-fixtures.ts'

const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
const amend = (amendment: Amendment, expectedVersion?: number): OrderChange => ({
  kind: 'amend',
  amendment,
  ...(expectedVersion !== undefined && { expectedVersion }),
})
const cancel = (reason?: string): OrderChange => ({ kind: 'cancel', ...(reason !== undefined && { reason }) })
const named = (customerName: string) => amend({ customerName })

/** What every OrderStore promises about amendments and cancellations. */
export function orderChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store of changes`, () => {
    let opened: OpenStore
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(() => opened[Symbol.asyncDispose]())

    /** The outcomes of the batch's changes; a rejection by its code. */
    async function store(orders: readonly OrderToStore[], changes: Partial<StoreBatch> = {}): Promise<string[]> {
      const result = await opened.store.storeBatch(batchOf(orders, changes))
      return (result.changes ?? []).map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))
    }
    const change = (...changes: readonly ChangeToStore[]) => store([], { changes })
    const copy = (...changes: readonly ChangeToStore[]) => store([], { changes, delivered: 'copy' })
    const view = ({ orderId }: Pick<OrderToStore, 'orderId'>) => opened.views.get(orderId)
    const changeView = async ({ changeId }: ChangeToStore) => (await opened.views.getChanges([changeId])).get(changeId)
    const statuses = async (...changes: readonly ChangeToStore[]) => {
      const views = await opened.views.getChanges(changes.map(({ changeId }) => changeId))
      return changes.map(({ changeId }) => {
        const found = views.get(changeId)
        return found?.status === 'rejected' ? found.cause?.code : found?.status
      })
    }
    const history = async ({ orderId }: Pick<OrderToStore, 'orderId'>) => (await opened.views.history(orderId)) ?? []
    const kindsOf = async (order: Pick<OrderToStore, 'orderId'>) => (await history(order)).map(({ kind }) => kind)
    const ledger = () => opened.ledger.read(GROUP, 10)
    const line = async () => {
      const snapshot = await ledger()
      return { ...lineOf(snapshot), waiting: snapshot.waiting, states: snapshot.parked }
    }
    const stateOfLetter = async (of: Pick<OrderToStore, 'origin'>) =>
      (await opened.deadLetters.get(letterIdOf(of)))?.state
    const found = async (q: string, query = {}) =>
      (await opened.views.search({ q, limit: 50, ...query })).items.map(({ orderId }) => orderId)
    const listed = async (query = {}) =>
      (await opened.views.list({ limit: 50, ...query })).items.map(({ orderId }) => orderId)
    /** Parks a change as dead, with its letter, as processing leaves it. */
    async function kill(dead: ChangeToStore, told: Partial<StoreBatch> = {}): Promise<void> {
      await store([], { ...told, parked: [parkedChange(dead, DEAD)] })
      await opened.deadLetters.keep([changeLetterOf(dead)])
    }
    async function killOrder(dead: OrderToStore): Promise<void> {
      await store([], { parked: [parkedFrom(dead, DEAD)] })
      await opened.deadLetters.keep([letterOf(dead)])
    }
    /** The same change as a redrive of its letter at `offset`. */
    const again = (before: ChangeToStore, offset: number): ChangeToStore => ({
      ...before,
      origin: place(offset),
      redriveOf: letterIdOf(before),
    })
    const editOf = (order: OrderToStore, offset: number) =>
      orderAt(offset, {
        orderId: order.orderId,
        order: { customerName: 'Mended' },
        redriveOf: letterIdOf(order),
        supersedes: letterIdOf(order),
      })

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

      test('many changes of several orders in one batch take effect in the order of the log', async () => {
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

      test('a change of 500 items replaces all of them', async () => {
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

    describe('that has to wait', () => {
      test('waits while its order is retried, without an attempt of its own, and takes effect with it', async () => {
        const [order, other] = [orderAt(0), orderAt(3)]
        const [first, second] = [changeAt(1, order, named('A')), changeAt(2, order, cancel())]
        await store([], { parked: [parkedFrom(order)] })
        expect(await change(first, second)).toEqual(['waiting', 'waiting'])
        // Other orders flow.
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
        // From another partition, as after more were added.
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
        for (const readable of [true, false]) {
          const order = orderAt(0)
          const [dead, waiting] = [changeAt(1, order, named('A')), changeAt(2, order, amend({ customerLastName: 'B' }))]
          const told = parkedChange(dead, DEAD)
          const unread = { changeId: dead.changeId, kind: 'amend', change: null, idempotencyKeyHash: null } as const
          await store([order], { parked: [readable ? told : { ...told, change: unread }] })
          await opened.deadLetters.keep([changeLetterOf(dead)])
          expect(await change(waiting)).toEqual(['waiting'])
          expect(await view(order)).toMatchObject({ status: 'stored', version: 1 })
          expect(await change(again(dead, 3))).toEqual(['applied'])
          expect(await statuses(dead, waiting)).toEqual(['applied', 'applied'])
          expect(await view(order)).toMatchObject({ customerName: 'A', customerLastName: 'B', version: 3 })
          expect(await stateOfLetter(dead)).toBe('resolved')
          await opened[Symbol.asyncDispose]()
          opened = await open()
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
        // Told late: it is the letter of the redrive that counts.
        await store([], { parked: [parkedChange(dead, DEAD)] })
        expect(await statuses(dead, waiting)).toEqual(['dead-lettered', 'waiting'])
        expect(await change(again(redriven, 4))).toEqual(['applied'])
        expect(await statuses(dead, waiting)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 3 })
        expect([await stateOfLetter(dead), await stateOfLetter(redriven)]).toEqual(['superseded', 'resolved'])
      })

      test('does not wait behind letters of other consumers, or records that are no event of ours', async () => {
        const order = orderAt(0)
        const lost = changeAt(1, order, named('A'))
        const foreign = { dialect: 'spring', origin: place(1), exception: null } as const
        await store([order])
        await opened.deadLetters.keep([
          changeLetterOf(lost, { origin: { topic: 'orders-dlt', partition: 0, offset: 0 }, foreign, attempts: 0 }),
        ])
        // An unknown type under the order's key.
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

    describe('that is refused', () => {
      test('by a cancelled order, with the cause', async () => {
        const order = orderAt(0)
        const late = [changeAt(2, order, named('A')), changeAt(3, order, cancel('again'))]
        await store([order], { changes: [changeAt(1, order, cancel('first'))] })
        expect(await change(...late)).toEqual(['refused', 'refused'])
        expect(await statuses(...late)).toEqual(['order-cancelled', 'order-cancelled'])
        expect(await view(order)).toMatchObject({ cancellationReason: 'first', version: 2, customerName: 'Alex' })
      })

      test('if the order has another version when its turn comes, and applied if it has that one', async () => {
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

      test('if the store does not allow it, with nothing of it kept, and the others go on', async () => {
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
        // A third one is parked, and does not take the key away.
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
        // The keys of orders are apart.
        expect(await opened.store.findByIdempotencyKey(idempotencyKeyHash)).toBeUndefined()
        expect(await view(order)).toMatchObject({ customerName: 'A', version: 2 })
      })
    })

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

      test('after it was parked takes its turn, and what was told of its failure before changes nothing', async () => {
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

      test('with another content, or for another order, under a known id is rejected, and the others go on', async () => {
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
        // An impostor holds nobody, and its letter is no letter of the change.
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
        // Its process died after it had sent the copy.
        expect(await copy(second)).toEqual(['waiting'])
        expect(await view(order)).toMatchObject({ version: 1 })
        expect(await change(first, second)).toEqual(['applied', 'applied'])
        expect(await view(order)).toMatchObject({ customerName: 'B', version: 3 })
      })

      test('also if the origin fails again in that batch, whose copy is stored already', async () => {
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
        // Somebody sent it to a retry topic themselves.
        const sent = changeAt(0, order, named('Sent'), { origin: { topic: 'orders-retry-1', partition: 0, offset: 0 } })
        expect(await copy(sent)).toEqual(['applied'])
        expect(await view(order)).toMatchObject({ customerName: 'Sent', version: 3 })
      })

      test('holds nobody if it is dead', async () => {
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

    describe('and operators', () => {
      test('discarding a dead change rejects what waits behind it, and nothing before it or of other orders', async () => {
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
        // The one before it holds what comes later, and nothing else does.
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

      test('letters of changes neither keep an order from being discarded nor give it up', async () => {
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

    describe('in views', () => {
      test('shows its status, what it holds, and what it waits behind', async () => {
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

      test('waits behind its order, or behind the earliest change that is not decided', async () => {
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
        // While it waits for its own next attempt, it waits behind nothing.
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

      test('a dead one that nobody can read has its kind and its cause', async () => {
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

      test('the history tells of the order and of its changes, in the order of time', async () => {
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

      test('a dead letter says which change it is of', async () => {
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
        // And back again.
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

      test('cancelled orders are listed apart, and found as before', async () => {
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
        // An order that is cancelled while somebody pages stays in its place.
        const views = await opened.views.getMany([first!, second!])
        expect([views.get(first!)?.status, views.get(second!)?.status]).toEqual(['stored', 'cancelled'])
      })
    })

    describe('and a rebuild', () => {
      const act = actAt(0)
      const step = (owner = 'one', logStarts: readonly RecordPosition[] = []) => ({
        owner,
        at: new Date().toISOString(),
        leaseMs: 60_000,
        logStarts,
        progress: {
          phase: 'projecting' as const,
          records: 0,
          recordsInAll: 0,
          projected: 0,
          restored: 0,
          kept: 0,
          expired: 0,
          completed: 0,
        },
      })
      const everything = async () => (await opened.views.list({ limit: 50 })).items

      test('leaves amended and cancelled orders as they were, and what was rejected and waits', async () => {
        const orders = [0, 1, 2, 3].map((offset) => orderAt(offset))
        const [amended, cancelled, plain, gone] = orders as [OrderToStore, OrderToStore, OrderToStore, OrderToStore]
        const changes = [
          changeAt(4, amended, named('Zyzzyva')),
          changeAt(5, cancelled, amend({ orderItems: [{ ...plain.order.orderItems[0]!, brand: 'Quux' }] })),
          changeAt(6, cancelled, cancel('enough')),
          changeAt(7, cancelled, named('Nobody')),
          changeAt(8, gone, named('Kept')),
        ]
        await store(orders, { changes })
        const [dead, waiting] = [changeAt(9, plain, named('A')), changeAt(10, plain, named('B'))]
        await kill(dead, { changes: [waiting] })
        const before = [await everything(), await statuses(...changes, dead, waiting), await history(cancelled)]
        await opened.maintenance.beginRebuild(step(), act)
        // The records of the last order and of the first change have left the log.
        const events = [...orders.slice(0, 3), ...changes.slice(1), waiting]
        const outcomes = await opened.maintenance.projectOrders(step(), GROUP, events)
        expect(outcomes).toEqual(events.map(() => 'projected'))
        const logStarts = [{ topic: 'orders', partition: 0, offset: 5 }]
        expect(await opened.maintenance.swapOrders(step('one', logStarts))).toMatchObject({ kept: 1, expired: 1 })
        expect([await everything(), await statuses(...changes, dead, waiting), await history(cancelled)]).toEqual(
          before,
        )
        expect([await found('zyzzyva'), await found('quux'), await found('kept')]).toEqual(
          [amended, cancelled, gone].map(({ orderId }) => [orderId]),
        )
        expect(await found('alex', { customersOnly: true })).toEqual([plain.orderId, cancelled.orderId])
        expect(await listed({ status: 'cancelled', q: 'quux' })).toEqual([cancelled.orderId])
        expect(await listed({ status: 'stored', q: 'example' })).toEqual(
          [gone, plain, amended].map(({ orderId }) => orderId),
        )
        // Changes are applied to the new tables as before.
        expect(await change(changeAt(11, amended, cancel()))).toEqual(['applied'])
        expect(await listed({ status: 'cancelled' })).toEqual([cancelled.orderId, amended.orderId])
      })

      test('reads the order with today’s code, and folds its changes into that', async () => {
        const order = orderAt(0)
        await store([order], { changes: [changeAt(1, order, named('Amended'))] })
        await opened.maintenance.beginRebuild(step(), act)
        const upcast = { ...order, order: { ...order.order, customerName: 'Old', customerLastName: 'Upcast' } }
        expect(await opened.maintenance.projectOrders(step(), GROUP, [upcast])).toEqual(['projected'])
        await opened.maintenance.swapOrders(step())
        expect(await view(order)).toMatchObject({ customerName: 'Amended', customerLastName: 'Upcast', version: 2 })
        expect(await found('amended upcast')).toEqual([order.orderId])
        expect(await found('old')).toEqual([])
      })

      test('keeps changes that are applied while it runs, at whatever point', async () => {
        const orders = [0, 1, 2, 3].map((offset) => orderAt(offset))
        const at = async (index: number, name: string) => {
          await change(changeAt(10 + index, orders[index]!, named(name)))
        }
        await store(orders)
        await opened.maintenance.beginRebuild(step(), act)
        await at(0, 'Before')
        await opened.maintenance.projectOrders(step(), GROUP, orders)
        await at(1, 'Projected')
        await opened.maintenance.completeOrders(step(), 50)
        await at(2, 'Completed')
        await change(changeAt(20, orders[2]!, cancel()))
        await at(3, 'Completed too')
        const before = await everything()
        await opened.maintenance.swapOrders(step())
        expect(await everything()).toEqual(before)
        expect(await found('before')).toEqual([orders[0]!.orderId])
        expect(await found('projected')).toEqual([orders[1]!.orderId])
        expect(await found('completed')).toEqual([orders[3]!.orderId, orders[2]!.orderId])
        expect(await found('alex', { customersOnly: true })).toEqual([])
        expect(await listed({ status: 'cancelled', q: 'completed' })).toEqual([orders[2]!.orderId])
      })

      test('says which changes the store has lost, though its ledger says that they are stored', async () => {
        const order = orderAt(0)
        const [known, dead, lost] = [1, 2, 3].map((offset) => changeAt(offset, order, named(`N${offset}`)))
        await store([order], { changes: [known!] })
        await kill(dead!)
        // Counted under another id: the place is stored, and nobody knows this change.
        await store([orderAt(3)])
        await opened.maintenance.beginRebuild(step(), act)
        const events = [known!, { ...known!, origin: place(9) }, dead!, lost!, changeAt(50, order, cancel())]
        expect(await opened.maintenance.projectOrders(step(), GROUP, events)).toEqual([
          'projected',
          'elsewhere',
          'not-stored',
          'lost',
          'not-stored',
        ])
        await opened.maintenance.abandonRebuild('one', 'A test.', NOW)
      })
    })
  })
}
