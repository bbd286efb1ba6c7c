import { describe, expect, test } from 'vitest'
import { NO_PROGRESS } from '../../../shared/ports/maintenance.ts'
import { archivedOrderSchema } from '../../../shared/domain/archived-order.ts'
import { forgetOrder } from '../../../shared/domain/forgetting/forgotten-data.ts'
import { forgetValue } from '../../../shared/domain/forgetting/forget-value.ts'
import { newOrderJson, newOrderOf } from '../../../shared/domain/order-events.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import {
  actAt,
  batchOf,
  changeAt,
  changeLetterOf,
  foreignLetterOf,
  GROUP,
  keyHash,
  letterIdOf,
  letterOf,
  lineOf,
  type OpenEmptyStore,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  withContent,
} from '../store-fixtures.ts'
import { CUSTOMER, hers, moved, PERSONAL, WORDS } from '../forgetting-fixtures.ts'

const OTHER = 48_214
const MEMBERS = Object.keys(PERSONAL).concat('customerFullName')
const AFTER = '2026-01-01T00:03:00.000Z'
const DEAD = { state: 'dead', attempt: 4, nextAttemptAt: null } as const
const WHY = { reason: 'Asked to be forgotten.' }

/** What every store guarantees about a customer who was forgotten. */
export function forgetContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a store that forgets a customer`, () => {
    const opened = openForEachTest(open)
    const forget = (second = 1) => opened.forgetting.forget(CUSTOMER, actAt(second, WHY))
    const view = async ({ orderId }: OrderToStore) => (await opened.views.get(orderId)) ?? {}
    const found = async (q: string) => (await opened.views.search({ q, limit: 9 })).items.length

    test('an order keeps its id, amounts and items, and loses the personal members', async () => {
      const order = hers(0)
      await opened.store.storeBatch(batchOf([order]))
      expect(await forget()).toMatchObject({ orders: 1, orderIds: [order.orderId] })
      const { totalPrice, currencyType } = order.order
      const seen = await view(order)
      expect(seen).toMatchObject({ orderId: order.orderId, status: 'stored', version: 1, forgotten: true })
      expect(seen).toMatchObject({ customerId: CUSTOMER, totalPrice, currencyType })
      expect(seen).toHaveProperty('orderItems', expect.arrayContaining([]))
      for (const member of MEMBERS) expect(seen).not.toHaveProperty(member)
      expect((await opened.views.list({ limit: 9, customerId: CUSTOMER })).items).toEqual([seen])
    })

    test('search and the filter by reference find nothing, and other customers of that name are found as before', async () => {
      const other = orderAt(1, { order: { ...PERSONAL, customerId: OTHER } })
      await opened.store.storeBatch(batchOf([hers(0), other]))
      await forget()
      for (const q of ['zelda', 'quillfeather', 'zel', 'quill']) expect([q, await found(q)]).toEqual([q, 1])
      expect((await opened.views.list({ limit: 9, reference: PERSONAL.reference })).items).toHaveLength(1)
      expect(await view(other)).toMatchObject({ ...PERSONAL, customerId: OTHER })
      await opened.forgetting.forget(OTHER, actAt(2))
      for (const q of ['zelda', 'quillfeather', 'zel', 'quill']) expect([q, await found(q)]).toEqual([q, 0])
      // Words that were removed from the index come back with the next order that contains them.
      await opened.store.storeBatch(batchOf([orderAt(2, { order: { customerName: 'Zelda', customerId: 7 } })]))
      expect(await found('zel')).toBe(1)
    })

    test('a preview counts what is held, and changes nothing', async () => {
      const [stored, waiting, dead] = [hers(0), hers(1), hers(2)]
      const [applied, early] = [
        changeAt(3, stored, moved('1 Umbral Lane')),
        changeAt(4, waiting, moved('2 Umbral Lane')),
      ]
      const parked = [parkedFrom(waiting), parkedFrom(dead, DEAD)]
      await opened.store.storeBatch(batchOf([stored, orderAt(9)], { parked, changes: [applied, early] }))
      await opened.deadLetters.keep([letterOf(dead), letterOf(orderAt(5))])
      await opened.redriveTasks.recordEdit(letterIdOf(dead), Buffer.from(newOrderJson(dead.order)), actAt(0))
      const held = { orders: 1, unstored: 2, retrying: 1, changes: 2, waitingChanges: 1, deadLetters: 1, edits: 1 }
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject(held)
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject(held)
      expect(await view(stored)).toMatchObject({ customerName: 'Zelda' })
      expect(await forget()).toMatchObject(held)
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject({
        orders: 0,
        unstored: 0,
        changes: 0,
        deadLetters: 0,
        edits: 0,
      })
    })

    test('an archived order comes back without personal data, before and after it was archived again', async () => {
      const order = hers(0)
      const change = changeAt(1, order, moved('3 Umbral Lane'))
      await opened.store.storeBatch(batchOf([order, orderAt(9)], { changes: [change] }))
      const archive = async (file: string, second: number) => {
        const { items } = await opened.archive.exportOrders({ before: AFTER, limit: 9 })
        const given = items.filter(({ orderId }) => orderId === order.orderId)
        expect(await opened.archive.archiveOrders(given, file, actAt(second))).toMatchObject({ archived: 1 })
        return given.map((one) => archivedOrderSchema.parse(JSON.parse(JSON.stringify(one.order))))
      }
      const before = await archive('a file', 0)
      const inFile = { archived: 1, archiveFiles: ['a file'] }
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject(inFile)
      expect(await forget()).toMatchObject(inFile)
      await opened.archive.restoreOrders(before, 'a file', actAt(2))
      const restored = [await view(order), (await opened.views.getChanges([change.changeId])).get(change.changeId)]
      expect(restored[0]).toMatchObject({ version: 2, forgotten: true })
      for (const word of WORDS) expect(JSON.stringify(restored)).not.toContain(word)
      expect(await found('zelda')).toBe(0)
      const after = await archive('another file', 3)
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject({ archived: 0, archiveFiles: [] })
      for (const word of WORDS) expect(JSON.stringify(after)).not.toContain(word)
      await opened.archive.restoreOrders(after, 'another file', actAt(4))
      expect([await view(order), (await opened.views.getChanges([change.changeId])).get(change.changeId)]).toEqual(
        restored,
      )
    })

    test('only files that have the data are named, although the customer is forgotten a second time', async () => {
      const archive = async (order: OrderToStore, file: string, second: number) => {
        const { items } = await opened.archive.exportOrders({ before: '2026-01-01T00:09:00.000Z', limit: 9 })
        const given = items.filter(({ orderId }) => orderId === order.orderId)
        expect(await opened.archive.archiveOrders(given, file, actAt(second))).toMatchObject({ archived: 1 })
      }
      const [early, between, late] = [hers(0), hers(1), hers(2, { acceptedAt: actAt(12).at })]
      await opened.store.storeBatch(batchOf([early, between, orderAt(9)]))
      await archive(early, 'before', 0)
      expect(await forget(10)).toMatchObject({ archived: 1, archiveFiles: ['before'] })
      await opened.store.storeBatch(batchOf([late, orderAt(11)]))
      await archive(between, 'without the data', 20)
      await archive(late, 'with later data', 21)
      const withData = { archived: 2, archiveFiles: ['before', 'with later data'] }
      expect(await opened.forgetting.held(CUSTOMER)).toMatchObject(withData)
      for (const second of [30, 40]) {
        expect(await forget(second)).toMatchObject(withData)
        expect(await opened.forgetting.held(CUSTOMER)).toMatchObject(withData)
      }
    })

    test('an order of another customer with the same name is found after it was restored', async () => {
      const [order, other] = [hers(0), hers(1, { order: { customerId: OTHER } })]
      await opened.store.storeBatch(batchOf([order, other, orderAt(9)]))
      const { items } = await opened.archive.exportOrders({ before: AFTER, limit: 9 })
      const given = items.filter(({ orderId }) => orderId === order.orderId || orderId === other.orderId)
      expect(await opened.archive.archiveOrders(given, 'a file', actAt(0))).toMatchObject({ archived: 2 })
      const restore = async ({ orderId }: OrderToStore) => {
        const documents = given.filter((one) => one.orderId === orderId).map((one) => one.order)
        await opened.archive.restoreOrders(
          documents.map((one) => archivedOrderSchema.parse(JSON.parse(JSON.stringify(one)))),
          'a file',
          actAt(2),
        )
      }
      await restore(order)
      expect(await found('zelda')).toBe(1)
      await forget()
      expect(await found('zelda')).toBe(0)
      await restore(other)
      expect(await found('zelda')).toBe(1)
    })

    test('letters and changes of an archived order that stayed in the store, or arrive late, lose it too', async () => {
      const order = hers(0)
      const [dead, ...late] = [1, 2, 3].map((offset) => changeAt(offset, order, moved(`${offset} Umbral Lane`)))
      await opened.store.storeBatch(batchOf([order, orderAt(9)], { parked: [parkedChange(dead!, DEAD)] }))
      await opened.deadLetters.keep([changeLetterOf(dead!)])
      await opened.redriveTasks.discard(letterIdOf(dead!), actAt(0))
      const { items } = await opened.archive.exportOrders({ before: AFTER, limit: 9 })
      const given = items.filter(({ orderId }) => orderId === order.orderId)
      expect(await opened.archive.archiveOrders(given, 'a file', actAt(0))).toMatchObject({ archived: 1 })
      await opened.store.storeBatch(batchOf([], { changes: [late[0]!] }))
      expect(await forget()).toMatchObject({ orders: 0, changes: 1, deadLetters: 1, orderIds: [order.orderId] })
      await opened.store.storeBatch(batchOf([], { changes: [late[1]!] }))
      const changes = await opened.views.getChanges(late.map(({ changeId }) => changeId))
      const letter = await opened.deadLetters.get(letterIdOf(dead!))
      const left = [[...changes.values()], Buffer.from(letter?.value ?? []).toString()]
      expect(changes.size).toBe(2)
      expect(JSON.stringify(left)).not.toContain('Umbral')
    })

    test('nothing is held about an unknown customer, and what arrives late is stored without personal data', async () => {
      expect(await forget()).toMatchObject({ orders: 0, unstored: 0, changes: 0, deadLetters: 0, orderIds: [] })
      const order = hers(0)
      await opened.store.storeBatch(batchOf([order]))
      expect(await view(order)).toMatchObject({ forgotten: true })
      expect(await view(order)).not.toHaveProperty('customerName')
    })

    test('orders that are not stored, their changes and their letters lose it too', async () => {
      const order = hers(0)
      const change = changeAt(1, order, moved('3 Umbral Lane'))
      const cancel = changeAt(2, order, { kind: 'cancel', reason: 'Zelda does not want it' })
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order, DEAD)], changes: [change, cancel] }))
      await opened.deadLetters.keep([
        letterOf(order, { stack: 'Error: Zelda', headers: [['x', Buffer.from('Zelda')]] }),
      ])
      await opened.redriveTasks.recordEdit(letterIdOf(order), Buffer.from(newOrderJson(order.order)), actAt(0))
      await forget()
      const letter = await opened.deadLetters.get(letterIdOf(order))
      const changes = await opened.views.getChanges([change.changeId, cancel.changeId])
      const texts = [await view(order), [...changes.values()], letter?.stack, letter?.headers.map(String)]
      const bytes = [letter?.value, letter?.editedValue].map((value) => Buffer.from(value ?? []).toString())
      for (const word of WORDS) expect(JSON.stringify([texts, bytes])).not.toContain(word)
      expect(changes.get(change.changeId)).toMatchObject({ status: 'waiting', forgotten: true })
      expect(await view(order)).toMatchObject({ status: 'dead-lettered', forgotten: true, customerId: CUSTOMER })
      expect((await opened.views.list({ limit: 9, status: 'dead-lettered', q: 'zelda' })).items).toEqual([])
    })

    test('what is stored later from retries, redrives and waiting changes has no personal data', async () => {
      const order = hers(0)
      const change = changeAt(1, order, moved('4 Umbral Lane'))
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order)], changes: [change] }))
      await forget()
      const late = changeAt(
        3,
        order,
        { kind: 'amend', amendment: { customerName: 'Zelda', totalPrice: 5 } },
        { acceptedAt: AFTER },
      )
      const result = await opened.store.storeBatch(batchOf([order], { delivered: 'copy' }))
      expect(result.outcomes).toEqual([{ kind: 'stored' }])
      await opened.store.storeBatch(batchOf([], { changes: [late] }))
      const seen = await view(order)
      expect(seen).toMatchObject({ status: 'stored', version: 3, totalPrice: 5, forgotten: true })
      for (const member of MEMBERS) expect(seen).not.toHaveProperty(member)
      const changes = await opened.views.getChanges([change.changeId, late.changeId])
      expect(changes.get(late.changeId)).toMatchObject({
        status: 'applied',
        forgotten: true,
        changes: { totalPrice: 5 },
      })
      expect(JSON.stringify([...changes.values()])).not.toMatch(/Zelda|Umbral/)
      expect(await found('zelda')).toBe(0)
    })

    test.each([
      ['as it was', (order: OrderToStore) => order],
      ['redacted', (order: OrderToStore) => withContent(order, forgetOrder(newOrderOf(order.json)))],
    ])('a change that waits loses its data when its order comes, %s', async (_, redact) => {
      const order = hers(5)
      const change = changeAt(1, order, {
        kind: 'amend',
        amendment: { shippingAddress: '2 Umbral Lane', totalPrice: 5 },
      })
      await opened.store.storeBatch(batchOf([], { changes: [change] }))
      await forget()
      await opened.store.storeBatch(batchOf([redact(order)]))
      expect(await view(order)).toMatchObject({ version: 2, totalPrice: 5, forgotten: true })
      const seen = (await opened.views.getChanges([change.changeId])).get(change.changeId)
      expect(seen).toMatchObject({ status: 'applied', forgotten: true, changes: { totalPrice: 5 } })
      expect(JSON.stringify([seen, await view(order)])).not.toMatch(/Zelda|Umbral/)
    })

    test('a change in the same batch as its order, and one that fails, are kept without personal data', async () => {
      await forget()
      const order = hers(0)
      const [applied, failed] = [changeAt(1, order, moved('5 Umbral Lane')), changeAt(2, order, moved('6 Umbral Lane'))]
      await opened.store.storeBatch(batchOf([order], { changes: [applied], parked: [parkedChange(failed)] }))
      const views = await opened.views.getChanges([applied.changeId, failed.changeId])
      expect([...views.values()].map(({ status, forgotten }) => [status, forgotten])).toEqual([
        ['applied', true],
        ['waiting', true],
      ])
      // The copy of the failed change is recognised by the hash of the change as it was accepted.
      await opened.store.storeBatch(batchOf([], { changes: [failed], delivered: 'copy' }))
      expect((await opened.views.getChanges([failed.changeId])).get(failed.changeId)).toMatchObject({
        status: 'applied',
      })
      expect(JSON.stringify(await view(order))).not.toContain('Umbral')
    })

    test('a parked order, and a letter that arrives later, are kept without personal data', async () => {
      await forget()
      const order = hers(0)
      const change = changeAt(1, order, moved('8 Umbral Lane'))
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order, DEAD)], changes: [change] }))
      await opened.deadLetters.keep([letterOf(order)])
      const letters = [letterOf(order), changeLetterOf(change, { origin: { ...order.origin, offset: 7 } })]
      await opened.deadLetters.keep(letters)
      const foreign = foreignLetterOf(hers(4), 9, { stack: 'at Zelda' })
      await opened.deadLetters.keep([foreign])
      const kept = await Promise.all(
        [order.origin, letters[1]?.origin, foreign.origin].map((origin) =>
          opened.deadLetters.get(`${origin?.topic}:${origin?.partition}:${origin?.offset}`),
        ),
      )
      const values = kept.map((letter) => Buffer.from(letter?.value ?? []).toString())
      expect(values.join()).not.toMatch(/Zelda|Umbral/)
      expect(values.every((value) => value.includes('"forgotten"'))).toBe(true)
      expect(kept[2]).toMatchObject({ stack: null, lastCause: { detail: '' } })
      expect(JSON.stringify([await view(order), await opened.views.changes(order.orderId, { limit: 9 })])).not.toMatch(
        /Zelda|Umbral/,
      )
    })

    test('the record of a forgotten order is a duplicate of it, redacted or not, and repeats under its key are recognised', async () => {
      const order = hers(0, { idempotencyKeyHash: keyHash('k') })
      await opened.store.storeBatch(batchOf([order]))
      await forget()
      const again = await opened.store.storeBatch(batchOf([{ ...order, origin: { ...order.origin, offset: 1 } }]))
      expect(again.outcomes).toEqual([{ kind: 'duplicate' }])
      expect(await opened.store.findByIdempotencyKey(keyHash('k'))).toMatchObject({ bodyHash: order.bodyHash })
      expect(await view(order)).not.toHaveProperty('customerName')
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 9))).toMatchObject({
        stored: 1,
        duplicate: 1,
        balanced: true,
      })
    })

    test('an order that is accepted later keeps its data until the customer is forgotten again', async () => {
      await forget()
      const order = hers(0, { acceptedAt: AFTER })
      await opened.store.storeBatch(batchOf([order]))
      expect(await view(order)).toMatchObject({ customerName: 'Zelda' })
      expect(await view(order)).not.toHaveProperty('forgotten')
      await forget(300)
      expect(await view(order)).not.toHaveProperty('customerName')
    })

    test('a rebuild from a log that still has the data restores none of it', async () => {
      const [early, future] = [hers(0), hers(1, { acceptedAt: '2030-01-01T00:00:00.000Z' })]
      await opened.store.storeBatch(batchOf([early, future]))
      await forget()
      const step = { owner: 'one', at: AFTER, leaseMs: 10_000, progress: NO_PROGRESS, logStarts: [] }
      await opened.maintenance.beginRebuild(step, actAt(3))
      await expect(opened.forgetting.forget(CUSTOMER, actAt(4))).rejects.toMatchObject({ code: 'conflict' })
      expect(await opened.maintenance.projectOrders(step, GROUP, [early, future])).toEqual(['projected', 'projected'])
      await opened.maintenance.completeOrders(step, 9)
      await opened.maintenance.swapOrders(step)
      for (const order of [early, future]) {
        expect(await view(order)).toMatchObject({ forgotten: true, status: 'stored' })
        expect(await view(order)).not.toHaveProperty('customerName')
      }
      expect(await found('zelda')).toBe(0)
    })

    test('the caller names orders that only the log has, and their changes lose their personal data', async () => {
      const order = hers(5)
      const change = changeAt(1, order, moved('2 Umbral Lane'))
      await opened.store.storeBatch(batchOf([], { changes: [change] }))
      await opened.forgetting.forgetOrders([order.orderId])
      expect((await opened.views.getChanges([change.changeId])).get(change.changeId)).toMatchObject({ forgotten: true })
    })

    test('the audit log has the action, without personal data', async () => {
      await opened.store.storeBatch(batchOf([hers(0)]))
      await forget()
      await opened.forgetting.purge()
      const { items } = await opened.redriveTasks.audit({ limit: 9 })
      expect(items).toMatchObject([{ action: 'forget', target: `customer:${CUSTOMER}`, operator: 'Kim', ...WHY }])
    })
  })

  test('a value of a record loses personal data once, whatever else it is', () => {
    const value = Buffer.from(newOrderJson(hers(0).order))
    const without = forgetValue(value)
    expect(forgetValue(without)).toBe(without)
    for (const word of WORDS) expect(Buffer.from(without).toString()).not.toContain(word)
  })
}
