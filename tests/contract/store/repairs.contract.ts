import { describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import { again, at, redriveSteps } from '../redrive-fixtures.ts'
import {
  actAt,
  allPages,
  batchOf,
  foreignLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** What every store guarantees about orders whose letters are redriven or edited, and about the audit log. */
export function repairsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} with operators' repairs`, () => {
    const opened = openForEachTest(open)

    const { dead, create, lease, claim, markSent, stored, stateOf, kindsOf } = redriveSteps(() => opened)

    describe('an order whose letter is redriven', () => {
      test('is stored once and recovered, and its history says so, however often it was sent', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await create()
        await lease()
        await claim(1)
        const { outcomes } = await stored([again(order, 1), again(order, 2)])
        expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'duplicate'])
        await markSent([order])
        expect(await stateOf(order)).toBe('resolved')
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'stored', recovered: true })
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'redriven', 'stored'])
        expect(await opened.views.history(order.orderId)).toContainEqual({
          at: at(1),
          kind: 'redriven',
          reason: 'mended',
        })
        const ledger = await opened.ledger.read(GROUP, 'orders', 9)
        expect(lineOf(ledger)).toMatchObject({
          next: 3,
          parked: 1,
          stored: 1,
          duplicate: 1,
          redriven: 2,
          balanced: true,
        })
        expect(ledger.parked).toMatchObject({ redriven: 1, dead: 0 })
      })

      test('that is stored already resolves its letter, and its history does not change', async () => {
        const order = orderAt(0)
        await opened.store.storeBatch(batchOf([order]))
        const copy = { ...order, origin: place(1) }
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(copy, { state: 'dead' })] }))
        await opened.deadLetters.keep([letterOf(copy)])
        await create()
        await lease()
        await claim(1)
        await opened.redriveTasks.markSent('task', [letterIdOf(copy)], actAt(3600).at)
        const { outcomes } = await stored([{ ...copy, origin: place(2), redriveOf: letterIdOf(copy) }], 3601)
        expect(outcomes).toEqual([{ kind: 'duplicate' }])
        expect(await stateOf(copy)).toBe('resolved')
        expect(await kindsOf(order)).toEqual(['accepted', 'stored'])
        expect((await opened.views.get(order.orderId))?.recovered).toBeUndefined()
        expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({
          stored: 1,
          duplicate: 1,
          parked: 1,
          redriven: 1,
          balanced: true,
        })
      })
    })

    describe('a letter of another consumer', () => {
      const FOREIGN = 'orders-dlt:0:7'

      test('is discarded and restored independently of our own letter, which alone decides the outcome', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        const discard = (id: string) => opened.redriveTasks.discard(id, actAt(1, { reason: 'no use' }))
        const status = async () => (await opened.views.get(order.orderId))?.status
        expect(await discard(letterIdOf(order))).toMatchObject({ state: 'discarded' })
        expect(await status()).toBe('discarded')
        const before = { history: await kindsOf(order), ledger: await opened.ledger.read(GROUP, 'orders', 0) }
        expect(await discard(FOREIGN)).toMatchObject({ state: 'discarded' })
        expect(await opened.redriveTasks.restore(FOREIGN, actAt(2))).toMatchObject({ state: 'dead' })
        expect(await status()).toBe('discarded')
        expect({ history: await kindsOf(order), ledger: await opened.ledger.read(GROUP, 'orders', 0) }).toEqual(before)
      })

      test('that is redriven appears in no history, and is resolved when its order is stored', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        await create({ ids: [FOREIGN] })
        await lease()
        expect(await claim(9)).toHaveLength(1)
        const before = await kindsOf(order)
        await opened.redriveTasks.markSent('task', [FOREIGN], actAt(1).at)
        expect((await opened.deadLetters.get(FOREIGN))?.state).toBe('redriven')
        expect(await kindsOf(order)).toEqual(before)
        await stored([{ ...order, origin: place(1), redriveOf: FOREIGN }])
        expect((await opened.deadLetters.get(FOREIGN))?.state).toBe('resolved')
        expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({ balanced: true })
      })

      test('that is redriven does not store a discarded order, and its redrive still ends', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        await create({ ids: [FOREIGN] })
        await lease()
        await claim(9)
        await opened.redriveTasks.markSent('task', [FOREIGN], at(2))
        const before = await kindsOf(order)
        const sent = { ...order, origin: place(1), redriveOf: FOREIGN }
        for (const _ of ['delivered', 'and delivered again']) {
          expect((await stored([sent], 3)).outcomes).toEqual([{ kind: 'withheld' }])
        }
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'discarded' })
        expect([await stateOf(order), await kindsOf(order)]).toEqual(['discarded', before])
        expect((await opened.deadLetters.get(FOREIGN))?.state).toBe('resolved')
        expect(await opened.redriveTasks.get('task')).toMatchObject({ total: 1, resolved: 1, pending: 0 })
        expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({
          next: 2,
          parked: 2,
          balanced: true,
        })
      })

      test('that was discarded after it was sent does not affect our order', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        await opened.redriveTasks.discard(FOREIGN, actAt(1))
        const { outcomes } = await stored([{ ...order, origin: place(1), redriveOf: FOREIGN }])
        expect(outcomes).toEqual([{ kind: 'stored' }])
        expect((await opened.deadLetters.get(FOREIGN))?.state).toBe('discarded')
      })
    })

    describe('an edit', () => {
      test('is recorded before it is sent, and keeps the original', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const original = (await opened.deadLetters.get(letterIdOf(order)))?.value
        const edited = new Uint8Array([0, 255, 123])
        const recorded = await opened.redriveTasks.recordEdit(letterIdOf(order), edited, actAt(1))
        expect(recorded).toMatchObject({ state: 'dead' })
        expect([recorded.value, recorded.editedValue]).toEqual([original, edited])
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toMatchObject([{ action: 'edit' }])
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered'])
        const marked = await opened.redriveTasks.markEdited(letterIdOf(order), actAt(1, { reason: 'typing error' }))
        expect(marked).toMatchObject({ state: 'redriven', editedValue: edited })
        expect((await opened.views.history(order.orderId))?.at(-1)).toEqual({
          at: at(1),
          kind: 'edited',
          reason: 'typing error',
        })
      })

      test('is stored at the original’s position; a second send is a duplicate', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        const edit = (customerName: string, offset: number) => {
          const { orderId } = order
          return orderAt(offset, { orderId, order: { customerName }, redriveOf: letterId, supersedes: letterId })
        }
        // The process died after it had sent the first edit, but before it could record that.
        await opened.redriveTasks.recordEdit(letterId, Buffer.from('first'), actAt(1))
        await opened.redriveTasks.recordEdit(letterId, Buffer.from('second'), actAt(2))
        const { outcomes } = await stored([edit('First', 1), edit('Second', 2)])
        expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'duplicate'])
        expect(await opened.redriveTasks.markEdited(letterId, actAt(2))).toMatchObject({ state: 'resolved' })
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'First', recovered: true })
        await expect(opened.redriveTasks.recordEdit(letterId, Buffer.from('third'), actAt(3))).rejects.toMatchObject({
          code: 'conflict',
        })
        expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({ redriven: 2, balanced: true })
      })

      test('requires a letter', async () => {
        const edit = opened.redriveTasks.recordEdit('orders:0:9', Buffer.from('{}'), actAt(1))
        await expect(edit).rejects.toMatchObject({ code: 'dead-letter-not-found' })
      })
    })

    test('the audit log lists every action, newest first, by page and by target', async () => {
      const orders = await dead(2)
      const [one, other] = orders.map(letterIdOf) as [string, string]
      await opened.redriveTasks.discard(one, actAt(1, { operator: 'kim@example.com', verified: true, reason: 'why' }))
      await opened.redriveTasks.restore(one, actAt(2))
      await opened.redriveTasks.recordEdit(other, Buffer.from('{}'), actAt(3))
      await create({ ids: [one] })
      await opened.redriveTasks.change('task', 'cancelled', actAt(4))
      const entries = await allPages((page) => opened.redriveTasks.audit({ limit: 2, ...page }))
      expect(entries.map(({ action, target }) => [action, target])).toEqual([
        ['cancel', 'task'],
        ['redrive', 'task'],
        ['edit', other],
        ['restore', one],
        ['discard', one],
      ])
      const ofOne = await allPages((page) => opened.redriveTasks.audit({ limit: 1, target: one, ...page }))
      expect(ofOne.map(({ action }) => action)).toEqual(['restore', 'discard'])
      expect(ofOne[1]).toEqual({
        at: at(1),
        action: 'discard',
        target: one,
        operator: 'kim@example.com',
        verified: true,
        reason: 'why',
      })
    })
  })
}
