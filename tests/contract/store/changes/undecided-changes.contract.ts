import { describe, expect, test } from 'vitest'
import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { ChangeToStore, OrderToStore, StoreBatch } from '../../../../shared/ports/order-store.ts'
import {
  actAt,
  batchOf,
  changeAt,
  changeLetterOf,
  GROUP,
  letterIdOf,
  lineOf,
  openForEachTest,
  orderAt,
  parkedChange,
  type OpenEmptyStore,
} from '../../store-fixtures.ts'

const named = (customerName: string): OrderChange => ({ kind: 'amend', amendment: { customerName } })
/** Validation would refuse this change. The code that writes the change throws, as if that code had a bug. */
const THROWING = { kind: 'amend', amendment: { orderItems: 5 } } as unknown as OrderChange
const NOT_DECIDED = { code: 'change-not-decided', detail: 'A fault on our side.' }
const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const

/** What every store guarantees if its code fails while it is deciding whether to apply a change. */
export function undecidedChangesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store with a change that it fails to decide`, () => {
    const opened = openForEachTest(open)

    const storeBatch = (orders: readonly OrderToStore[], more: Partial<StoreBatch> = {}) =>
      opened.store.storeBatch(batchOf(orders, more))
    const statuses = async (...changes: readonly ChangeToStore[]) => {
      const views = await opened.views.getChanges(changes.map(({ changeId }) => changeId))
      return changes.map(({ changeId }) => views.get(changeId)?.status)
    }
    const failure = ({ changeId, origin }: ChangeToStore) => ({
      changeId,
      origin,
      error: expect.any(TypeError) as object,
    })
    const line = async () => lineOf(await opened.ledger.read(GROUP, 'orders', 9))

    test('names it, decides what comes before it, and stores all other orders with their changes', async () => {
      const [order, other] = [orderAt(0), orderAt(1)]
      const [first, bad, last] = [
        changeAt(2, order, named('A')),
        changeAt(3, order, THROWING),
        changeAt(4, order, named('B')),
      ]
      const ofOther = changeAt(5, other, named('C'))
      const result = await storeBatch([order, other], { changes: [first, bad, last, ofOther] })
      expect(result).toMatchObject({
        undecided: [failure(bad)],
        changes: [{ kind: 'applied' }, { kind: 'waiting' }, { kind: 'waiting' }, { kind: 'applied' }],
        counted: true,
      })
      expect(result.undecided).toHaveLength(1)
      expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'A' })
      expect(await opened.views.get(other.orderId)).toMatchObject({ version: 2, customerName: 'C' })
      expect(await line()).toMatchObject({ next: 6, stored: 6, balanced: true })
    })

    test('names it too when the batch of another event lets it have its turn', async () => {
      const order = orderAt(1)
      const bad = changeAt(2, order, THROWING)
      expect(await storeBatch([orderAt(0)], { changes: [bad] })).not.toHaveProperty('undecided')
      expect(await storeBatch([order], { delivered: 'copy' })).toMatchObject({ undecided: [failure(bad)] })
      expect(await opened.views.get(order.orderId)).toMatchObject({ version: 1, status: 'stored' })
    })

    test('holds it once it is parked, until its record comes again, and names it then', async () => {
      const order = orderAt(0)
      const [bad, last] = [changeAt(1, order, THROWING), changeAt(2, order, named('B'))]
      await storeBatch([order], { changes: [bad, last] })
      const parked = parkedChange(bad, { cause: NOT_DECIDED })
      expect(await storeBatch([order], { changes: [last], parked: [parked] })).not.toHaveProperty('undecided')
      const views = await opened.views.getChanges([bad.changeId, last.changeId])
      expect(views.get(bad.changeId)).toMatchObject({ status: 'waiting', cause: { code: 'change-not-decided' } })
      expect(views.get(last.changeId)).toMatchObject({ behind: { kind: 'change', changeId: bad.changeId } })
      expect(await storeBatch([], { changes: [bad], delivered: 'copy' })).toMatchObject({ undecided: [failure(bad)] })
      await storeBatch([], { parked: [{ ...parked, ...DEAD }], delivered: 'copy' })
      expect(await statuses(bad, last)).toEqual(['dead-lettered', 'waiting'])
    })

    test('counts one that failed before as retried or dead again', async () => {
      const order = orderAt(0)
      const bad = changeAt(1, order, THROWING)
      const states = async () => (await opened.ledger.read(GROUP, 'orders', 9)).parked
      await storeBatch([order], { parked: [parkedChange(bad)] })
      expect(await storeBatch([], { changes: [bad], delivered: 'copy' })).toHaveProperty('undecided')
      expect(await states()).toMatchObject({ stored: 1 })
      const again = parkedChange(bad, { attempt: 2, cause: NOT_DECIDED })
      await storeBatch([], { parked: [again], delivered: 'copy' })
      expect(await states()).toMatchObject({ retrying: 1 })
      await storeBatch([], { changes: [bad], delivered: 'copy' })
      await storeBatch([], { parked: [{ ...again, ...DEAD }], delivered: 'copy' })
      expect(await states()).toMatchObject({ dead: 1 })
      expect(await line()).toMatchObject({ next: 2, parked: 1, balanced: true })
    })

    test.each(['before', 'after'])(
      'keeps its letter as dead, even %s the store knows that it is parked',
      async (when) => {
        const order = orderAt(0)
        const [bad, last] = [changeAt(1, order, THROWING), changeAt(2, order, named('B'))]
        await storeBatch([order], { changes: [bad, last] })
        const isLate = when === 'after'
        const parked = parkedChange(bad, { ...DEAD, cause: NOT_DECIDED })
        if (isLate) await storeBatch([], { parked: [parked] })
        await opened.deadLetters.keep([changeLetterOf(bad, { lastCause: NOT_DECIDED })])
        if (!isLate) await storeBatch([], { parked: [parked] })
        expect((await opened.deadLetters.get(letterIdOf(bad)))?.state).toBe('dead')
        expect(await statuses(bad, last)).toEqual(['dead-lettered', 'waiting'])
        await opened.redriveTasks.discard(letterIdOf(bad), actAt(1))
        expect(await statuses(bad, last)).toEqual(['discarded', 'rejected'])
      },
    )

    test('refuses to preview it, and previews what comes before it', async () => {
      const order = orderAt(0)
      const [good, bad] = [changeAt(1, order, named('A')), changeAt(2, order, THROWING)]
      const previewOf = (...changes: ChangeToStore[]) => opened.store.previewBatch({ orders: [order], changes })
      await expect(previewOf(good, bad)).rejects.toBeInstanceOf(TypeError)
      expect(await previewOf(good)).toMatchObject({ changes: [{ kind: 'applied' }], followers: [] })
      await storeBatch([], { changes: [good, bad] })
      expect(await previewOf()).toMatchObject({ followers: [{ changeId: good.changeId, kind: 'applied' }] })
    })

    test('does not hold one that was decided before the failure is reported', async () => {
      const order = orderAt(0)
      const good = changeAt(1, order, named('A'))
      await storeBatch([order], { changes: [good] })
      await storeBatch([], { parked: [parkedChange(good, { cause: NOT_DECIDED })] })
      expect(await statuses(good)).toEqual(['applied'])
    })
  })
}
