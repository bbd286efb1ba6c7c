import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
  type OpenStore,
} from '../store-fixtures.ts'

/** What every Redrives promises of orders whose letters are redriven, discarded or edited, and of the audit. */
export function repairsContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as the place of operators' repairs`, () => {
    let opened: OpenStore
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(() => opened[Symbol.asyncDispose]())

    const { dead, create, lease, claim, markSent, stored, stateOf, kindsOf } = redriveSteps(() => opened)

    describe('an order whose letter is redriven', () => {
      test('is stored once, recovered, and its history tells of it, however often it was sent', async () => {
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
        const ledger = await opened.ledger.read(GROUP, 9)
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

      test('that is stored already resolves its letter, and its history stays as it was', async () => {
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
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({
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

      test('is discarded and restored beside our own letter, and the order follows ours alone', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        const discard = (id: string) => opened.redriveTasks.discard(id, actAt(1, { reason: 'no use' }))
        const status = async () => (await opened.views.get(order.orderId))?.status
        expect(await discard(letterIdOf(order))).toMatchObject({ state: 'discarded' })
        expect(await status()).toBe('discarded')
        const before = { history: await kindsOf(order), ledger: await opened.ledger.read(GROUP, 0) }
        expect(await discard(FOREIGN)).toMatchObject({ state: 'discarded' })
        expect(await opened.redriveTasks.restore(FOREIGN, actAt(2))).toMatchObject({ state: 'dead' })
        expect(await status()).toBe('discarded')
        expect({ history: await kindsOf(order), ledger: await opened.ledger.read(GROUP, 0) }).toEqual(before)
      })

      test('that is redriven is told to no history, and is resolved when its order is there', async () => {
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
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({ balanced: true })
      })

      test('that is redriven stores no order that was discarded, and its redrive ends all the same', async () => {
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
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({ next: 2, parked: 2, balanced: true })
      })

      test('that was discarded after it was sent decides nothing about our order', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.deadLetters.keep([foreignLetterOf(order, 7)])
        await opened.redriveTasks.discard(FOREIGN, actAt(1))
        const { outcomes } = await stored([{ ...order, origin: place(1), redriveOf: FOREIGN }])
        expect(outcomes).toEqual([{ kind: 'stored' }])
        expect((await opened.deadLetters.get(FOREIGN))?.state).toBe('discarded')
      })
    })

    describe('a discard', () => {
      const why = 'An order of a test.'

      test('gives letter, order and ledger up, with its reason, and a restore takes it back', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        expect(await opened.redriveTasks.discard(letterId, actAt(1, { reason: why }))).toMatchObject({
          state: 'discarded',
        })
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'discarded', updatedAt: at(1) })
        expect((await opened.ledger.read(GROUP, 0)).parked).toMatchObject({ discarded: 1, dead: 0 })

        expect(await opened.redriveTasks.restore(letterId, actAt(2))).toMatchObject({ state: 'dead' })
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'dead-lettered', updatedAt: at(2) })
        expect((await opened.ledger.read(GROUP, 0)).parked).toMatchObject({ discarded: 0, dead: 1 })
        expect((await opened.views.history(order.orderId))?.slice(-2)).toEqual([
          { at: at(1), kind: 'discarded', reason: why },
          { at: at(2), kind: 'restored' },
        ])
      })

      test('is refused for what is not dead, and a restore for what was not discarded', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        await expect(opened.redriveTasks.restore(letterId, actAt(1))).rejects.toMatchObject({ code: 'conflict' })
        await opened.redriveTasks.discard(letterId, actAt(1))
        await expect(opened.redriveTasks.discard(letterId, actAt(1))).rejects.toMatchObject({ code: 'conflict' })
        for (const act of ['discard', 'restore'] as const) {
          await expect(opened.redriveTasks[act]('orders:0:9', actAt(1))).rejects.toMatchObject({
            code: 'dead-letter-not-found',
          })
        }
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toHaveLength(1)
      })

      test('leaves an order that is stored, or that has another letter still open, as it is', async () => {
        const stored = orderAt(0)
        await opened.store.storeBatch(batchOf([stored], { delivered: 'copy' }))
        const [twice] = (await dead(1, 1)) as [OrderToStore]
        const [letterOfStored, second] = [
          { ...stored, origin: place(5) },
          { ...twice, origin: place(6) },
        ]
        await opened.deadLetters.keep([letterOf(letterOfStored), letterOf(second)])
        await opened.redriveTasks.discard(letterIdOf(letterOfStored), actAt(1))
        expect(await opened.views.get(stored.orderId)).toMatchObject({ status: 'stored' })
        expect(await kindsOf(stored)).toEqual(['accepted', 'stored'])
        await opened.redriveTasks.discard(letterIdOf(twice), actAt(1))
        expect(await opened.views.get(twice.orderId)).toMatchObject({ status: 'dead-lettered' })
        await opened.redriveTasks.discard(letterIdOf(second), actAt(2))
        expect(await opened.views.get(twice.orderId)).toMatchObject({ status: 'discarded' })
      })
    })

    describe('a discard of many', () => {
      test('does to each what a discard of one does, and passes over what is not dead or not there', async () => {
        const orders = await dead(4)
        const [one, other, third, kept] = orders as [OrderToStore, OrderToStore, OrderToStore, OrderToStore]
        const second = { ...other, origin: place(9) }
        await opened.deadLetters.keep([letterOf(second), foreignLetterOf(third, 7)])
        await opened.redriveTasks.discard(letterIdOf(third), actAt(1))
        const ids = [one, third, other].map(letterIdOf)
        const missing = ['orders:0:99', 'no place', `orders:${2 ** 40}:1`, `${'x'.repeat(300)}:0:1`]
        const act = actAt(2, { reason: 'A load test.' })
        expect(await opened.redriveTasks.discardMany([...missing, ...ids, 'orders-dlt:0:7'], act)).toBe(3)

        const states = await Promise.all(orders.map(stateOf))
        expect(states).toEqual(['discarded', 'discarded', 'discarded', 'dead'])
        const views = await opened.views.getMany(orders.map(({ orderId }) => orderId))
        const statuses = orders.map(({ orderId }) => views.get(orderId)?.status)
        // The second has another letter, which is still dead.
        expect(statuses).toEqual(['discarded', 'dead-lettered', 'discarded', 'dead-lettered'])
        expect((await opened.views.history(one.orderId))?.at(-1)).toEqual({
          at: at(2),
          kind: 'discarded',
          reason: 'A load test.',
        })
        expect(await kindsOf(kept)).toEqual(['accepted', 'dead-lettered'])
        const { items } = await opened.redriveTasks.audit({ limit: 9 })
        expect(items.map(({ action, target, at: when }) => [action, target, when])).toEqual([
          ['discard', 'orders-dlt:0:7', at(2)],
          ['discard', letterIdOf(other), at(2)],
          ['discard', letterIdOf(one), at(2)],
          ['discard', letterIdOf(third), at(1)],
        ])
        const ledger = await opened.ledger.read(GROUP, 9)
        expect(ledger.parked).toMatchObject({ discarded: 3, dead: 1 })
        expect(lineOf(ledger)).toMatchObject({ parked: 4, balanced: true })
      })

      test('takes more letters than one step has, and those that are discarded already once', async () => {
        const ids = (await dead(450)).map(letterIdOf)
        const [one, other] = await Promise.all([
          opened.redriveTasks.discardMany(ids, actAt(1)),
          opened.redriveTasks.discardMany(ids.toReversed(), actAt(1)),
        ])
        expect(one + other).toBe(450)
        expect((await opened.ledger.read(GROUP, 0)).parked).toMatchObject({ discarded: 450, dead: 0 })
        expect(await opened.deadLetters.count({ state: 'dead' })).toBe(0)
      })
    })

    describe('an edit', () => {
      test('is on record before it is sent, and keeps the original', async () => {
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

      test('is stored in the original’s place; what was sent a second time is a duplicate', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const letterId = letterIdOf(order)
        const edit = (customerName: string, offset: number) => {
          const { orderId } = order
          return orderAt(offset, { orderId, order: { customerName }, redriveOf: letterId, supersedes: letterId })
        }
        // The process died between sending the first and saying so.
        await opened.redriveTasks.recordEdit(letterId, Buffer.from('first'), actAt(1))
        await opened.redriveTasks.recordEdit(letterId, Buffer.from('second'), actAt(2))
        const { outcomes } = await stored([edit('First', 1), edit('Second', 2)])
        expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'duplicate'])
        expect(await opened.redriveTasks.markEdited(letterId, actAt(2))).toMatchObject({ state: 'resolved' })
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'First', recovered: true })
        await expect(opened.redriveTasks.recordEdit(letterId, Buffer.from('third'), actAt(3))).rejects.toMatchObject({
          code: 'conflict',
        })
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({ redriven: 2, balanced: true })
      })

      test('needs a letter', async () => {
        const edit = opened.redriveTasks.recordEdit('orders:0:9', Buffer.from('{}'), actAt(1))
        await expect(edit).rejects.toMatchObject({ code: 'dead-letter-not-found' })
      })
    })

    describe('a decision stands, whatever is delivered again', () => {
      /** A fixed order of the redriven one: dead under its letter, with the marks of an edit. */
      const editOf = (order: OrderToStore, offset: number): OrderToStore => {
        const letterId = letterIdOf(order)
        return orderAt(offset, {
          orderId: order.orderId,
          order: { customerName: 'Mended' },
          redriveOf: letterId,
          supersedes: letterId,
        })
      }
      const sendEdit = async (order: OrderToStore) => {
        await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from('mended'), actAt(1))
        await opened.redriveTasks.markEdited(letterIdOf(order), actAt(1))
      }
      const outcomesOf = async (orders: readonly OrderToStore[]) => {
        return (await stored(orders, 3600)).outcomes.map(({ kind }) => kind)
      }
      const statusOf = async (order: OrderToStore) => (await opened.views.get(order.orderId))?.status
      const forgetLedger = (next: number) =>
        opened.maintenance.resetLedger(
          GROUP,
          { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next }] },
          actAt(10),
        )
      const ledger = async () => {
        const snapshot = await opened.ledger.read(GROUP, 9)
        return { ...lineOf(snapshot), states: snapshot.parked }
      }

      test('a discarded order stays discarded, delivered again or anew, until its letter is restored', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([order, { ...order, origin: place(1) }])).toEqual(['withheld', 'withheld'])
        const copy = await opened.store.storeBatch(batchOf([order], { delivered: 'copy' }))
        expect(copy.outcomes).toEqual([{ kind: 'withheld' }])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['discarded', 'discarded'])
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        expect(await ledger()).toMatchObject({ next: 2, parked: 2, balanced: true, states: { discarded: 2 } })

        await opened.redriveTasks.restore(letterIdOf(order), actAt(2))
        expect(await outcomesOf([order])).toEqual(['stored'])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['stored', 'resolved'])
        expect(await ledger()).toMatchObject({ balanced: true, states: { stored: 1, discarded: 1 } })
      })

      test('also when the ledger was reset: the discarded one is parked, whether it can be read now or not', async () => {
        const [readable, poison] = (await dead(2)) as [OrderToStore, OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(readable), actAt(1))
        await opened.redriveTasks.discard(letterIdOf(poison), actAt(1))
        await forgetLedger(2)
        const parked = [parkedFrom(poison, { state: 'dead', attempt: 1, nextAttemptAt: null })]
        const { outcomes, counted } = await opened.store.storeBatch(batchOf([readable], { parked }))
        expect([outcomes, counted]).toEqual([[{ kind: 'withheld' }], true])
        expect(await ledger()).toMatchObject({ parked: 2, gaps: 0, balanced: true, states: { discarded: 2, dead: 0 } })
        for (const order of [readable, poison]) {
          expect([await statusOf(order), await stateOf(order)]).toEqual(['discarded', 'discarded'])
          expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        }
      })

      test('one letter that was discarded stays so while another of its order is open, and after that is stored', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const other = { ...order, origin: place(1) }
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(other, { state: 'dead' })] }))
        await opened.deadLetters.keep([letterOf(other)])
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect(await outcomesOf([other])).toEqual(['stored'])
        expect(await outcomesOf([order])).toEqual(['duplicate'])
        expect([await stateOf(order), await stateOf(other)]).toEqual(['discarded', 'resolved'])
        expect(await ledger()).toMatchObject({ balanced: true, states: { discarded: 1, stored: 1 } })
      })

      test('a discarded letter is not stored by a redrive that was on its way; a redrive of another letter is', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        expect(await outcomesOf([again(order, 1)])).toEqual(['withheld'])
        // A copy that died on its own has a letter of its own, which an operator redrives.
        const copy = { ...order, origin: place(2) }
        await opened.deadLetters.keep([letterOf(copy)])
        expect(await statusOf(order)).toBe('discarded')
        expect(await outcomesOf([{ ...again(order, 3), redriveOf: letterIdOf(copy) }])).toEqual(['stored'])
        expect([await stateOf(order), await stateOf(copy)]).toEqual(['discarded', 'resolved'])
      })

      test('a letter whose redrive died again and was discarded stays superseded when it is sent again', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        const copy = again(order, 1)
        await opened.deadLetters.keep([letterOf(copy, { redriveOf: letterIdOf(order) })])
        await opened.redriveTasks.discard(letterIdOf(copy), actAt(1))
        expect(await outcomesOf([again(order, 2)])).toEqual(['withheld'])
        expect([await stateOf(order), await stateOf(copy)]).toEqual(['superseded', 'discarded'])
      })

      test('what fails again of a discarded order changes neither its status nor its history', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        const copy = { ...order, origin: place(1) }
        await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(copy)] }))
        expect(await statusOf(order)).toBe('discarded')
        expect(await kindsOf(order)).toEqual(['accepted', 'dead-lettered', 'discarded'])
        // Its retry comes back, and ends.
        const { outcomes } = await opened.store.storeBatch(batchOf([copy], { delivered: 'copy' }))
        expect(outcomes).toEqual([{ kind: 'withheld' }])
        expect(await ledger()).toMatchObject({ balanced: true, states: { discarded: 2, retrying: 0 } })
      })

      test('an edit that is on its way is not overtaken by the record that it mends', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect(await outcomesOf([editOf(order, 1)])).toEqual(['stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ balanced: true, states: { redriven: 1 } })
      })

      test('an edit that died again stands for the record that it mends', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        const edit = editOf(order, 1)
        await opened.store.storeBatch(
          batchOf([], { parked: [parkedFrom(edit, { state: 'dead', redriveOf: letterIdOf(order) })] }),
        )
        await opened.deadLetters.keep([letterOf(edit, { redriveOf: letterIdOf(order) })])
        expect(await stateOf(order)).toBe('superseded')
        expect(await outcomesOf([order])).toEqual(['withheld'])
        await forgetLedger(2)
        expect(await outcomesOf([order, edit])).toEqual(['withheld', 'stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ gaps: 0, balanced: true, states: { redriven: 1, dead: 0 } })
      })

      test('an edit that was stored stands when the ledger was reset', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await sendEdit(order)
        const edit = editOf(order, 1)
        expect(await outcomesOf([edit])).toEqual(['stored'])
        await forgetLedger(2)
        expect(await outcomesOf([order, edit])).toEqual(['duplicate', 'stored'])
        expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Mended' })
        expect(await ledger()).toMatchObject({ stored: 1, duplicate: 1, balanced: true })
      })

      test('a letter that was edited and not sent is still dead, and its order is not stored unedited', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from('mended'), actAt(1))
        expect(await outcomesOf([order])).toEqual(['withheld'])
        expect([await statusOf(order), await stateOf(order)]).toEqual(['dead-lettered', 'dead'])
      })

      test('a letter that nobody decided on is resolved by its own record', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        expect(await outcomesOf([order])).toEqual(['stored'])
        expect(await stateOf(order)).toBe('resolved')
      })

      test('a rebuild does not bring a discarded order back', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1))
        await forgetLedger(1)
        await outcomesOf([order])
        const progress = {
          phase: 'projecting',
          records: 0,
          recordsInAll: 1,
          projected: 0,
          restored: 0,
          kept: 0,
          completed: 0,
        } as const
        const step = { owner: 'a', at: actAt(20).at, leaseMs: 10_000, progress }
        await opened.maintenance.beginRebuild(step, actAt(20))
        expect(await opened.maintenance.projectOrders(step, GROUP, [order])).toEqual(['not-stored'])
      })
    })

    test('the audit has every action, newest first, by page and by target', async () => {
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
