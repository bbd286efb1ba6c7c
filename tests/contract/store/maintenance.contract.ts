import { describe, expect, test } from 'vitest'
import { bodyHash } from '../../../shared/domain/order-events.ts'
import { NO_PROGRESS, type RebuildStep } from '../../../shared/ports/maintenance.ts'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import {
  allPages,
  batchOf,
  GROUP,
  LATER,
  letterIdOf,
  letterOf,
  lineOf,
  NOW,
  openForEachTest,
  type OpenStore,
  orderAt,
  parkedFrom,
  place,
  withContent,
} from '../store-fixtures.ts'

const ACT = { operator: 'sam', verified: false, at: NOW, reason: null }
const PROGRESS = { ...NO_PROGRESS, recordsInAll: 3 }

function step(changes: Partial<RebuildStep> = {}): RebuildStep {
  return { owner: 'one', at: new Date().toISOString(), leaseMs: 60_000, logStarts: [], progress: PROGRESS, ...changes }
}

/** What every adapter for `Maintenance` guarantees. */
export function maintenanceContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} under maintenance`, () => {
    const opened = openForEachTest(open)

    const store = (orders: readonly OrderToStore[], changes: Parameters<typeof batchOf>[1] = {}) =>
      opened.store.storeBatch(batchOf(orders, changes))
    const everything = () => allPages((page) => opened.views.list({ limit: 3, ...page }))
    const found = (q: string) => allPages((page) => opened.views.search({ q, limit: 3, ...page }))
    const project = (orders: readonly OrderToStore[], asked = step()) =>
      opened.maintenance.projectOrders(asked, GROUP, orders)
    const numbered = (count: number) =>
      Array.from({ length: count }, (_, offset) => {
        const named = offset % 2 === 0 ? { reference: `WEB-${offset}`, metadata: { channel: `web ${offset}` } } : {}
        return orderAt(offset, { order: { customerId: offset + 1, ...named } })
      })

    describe('a rebuild', () => {
      test('leaves every order as it was, in the order of storing, even if records arrive in another order', async () => {
        const orders = numbered(7)
        await store(orders)
        const before = await everything()
        await opened.maintenance.beginRebuild(step(), ACT)
        expect(await project(orders.toReversed())).toEqual(orders.map(() => 'projected'))
        expect(await opened.maintenance.completeOrders(step(), 5)).toEqual({ orders: 5, kept: 0, expired: 0 })
        expect(await opened.maintenance.swapOrders(step())).toMatchObject({ state: 'done', kept: 0, completed: 2 })
        expect(await everything()).toEqual(before)
        expect((await found('alex shirt')).map(({ orderId }) => orderId)).toEqual(before.map(({ orderId }) => orderId))
        for (const query of [
          { customerId: 3 },
          { customerId: 3, reference: 'WEB-2' },
          { currency: 'EUR' as const },
          { from: NOW },
          { to: NOW },
        ]) {
          const listed = await opened.views.list({ limit: 50, ...query })
          const expected = 'customerId' in query ? 1 : 'from' in query ? 0 : 7
          expect(listed.items).toHaveLength(expected)
        }
      })

      test('takes the content from the record, and everything else from the live order', async () => {
        const [order] = numbered(1)
        await store([order!], { now: LATER })
        const told = { customerName: 'Upcast', reference: 'POS-7 ', metadata: { channel: 'till' } }
        const upcast = { ...withContent(order!, told), bodyHash: bodyHash('another') }
        await opened.maintenance.beginRebuild(step(), ACT)
        await project([upcast])
        await opened.maintenance.swapOrders(step())
        expect(await opened.views.get(order!.orderId)).toMatchObject({ ...told, storedAt: LATER })
        expect((await opened.views.list({ limit: 9, reference: 'POS-7 ' })).items).toHaveLength(1)
        expect((await opened.views.list({ limit: 9, reference: 'WEB-0' })).items).toEqual([])
        expect(await found('upcast')).toHaveLength(1)
        expect(await found('pos')).toHaveLength(1)
        // Without `customersOnly`, the search would find the word in the e-mail address.
        expect((await opened.views.search({ q: 'alex', limit: 3, customersOnly: true })).items).toEqual([])
        // The hash is the one that today's code computes, so a redelivery is a duplicate.
        const again = await store([{ ...upcast, origin: place(9) }])
        expect(again.outcomes).toEqual([{ kind: 'duplicate' }])
      })

      test('reports the outcome of records that stored nothing, and stores none of them', async () => {
        const [stored, copy, dead, discarded, unknown] = numbered(5)
        const second = { ...copy!, orderId: stored!.orderId }
        await store([stored!])
        await store([], {
          parked: [dead!, discarded!].map((order) => parkedFrom(order, { state: 'dead', nextAttemptAt: null })),
        })
        await opened.deadLetters.keep([dead!, discarded!].map((order) => letterOf(order)))
        await opened.redriveTasks.discard(letterIdOf(discarded!), { ...ACT, reason: 'A test.' })
        await opened.maintenance.beginRebuild(step(), ACT)
        const outcomes = await project([stored!, second, dead!, discarded!, unknown!])
        expect(outcomes).toEqual(['projected', 'elsewhere', 'not-stored', 'not-stored', 'not-stored'])
        await opened.maintenance.swapOrders(step())
        expect(await everything()).toHaveLength(1)
        expect(await opened.views.get(discarded!.orderId)).toMatchObject({ status: 'discarded' })
      })

      test('keeps an edit at the position of its origin, and the fact that it was recovered', async () => {
        const [origin] = numbered(1)
        await store([], { parked: [parkedFrom(origin!, { state: 'dead', nextAttemptAt: null })] })
        await opened.deadLetters.keep([letterOf(origin!)])
        const edit = orderAt(1, {
          orderId: origin!.orderId,
          order: { customerName: 'Edited' },
          supersedes: letterIdOf(origin!),
        })
        await store([edit])
        await opened.maintenance.beginRebuild(step(), ACT)
        expect(await project([origin!, edit])).toEqual(['elsewhere', 'projected'])
        await opened.maintenance.swapOrders(step())
        expect(await opened.views.get(origin!.orderId)).toMatchObject({ customerName: 'Edited', recovered: true })
      })

      test('keeps orders whose record is gone or no longer valid, and orders stored meanwhile', async () => {
        const [gone, refused, meanwhile] = numbered(3)
        await store([gone!, refused!])
        await opened.maintenance.beginRebuild(step(), ACT)
        await store([meanwhile!])
        const tooLong = withContent(refused!, { customerName: 'x'.repeat(201) })
        expect(await project([tooLong])).toEqual(['refused'])
        const before = await everything()
        expect(await opened.maintenance.swapOrders(step())).toMatchObject({ kept: 2, completed: 3 })
        expect(await everything()).toEqual(before)
        expect(await found('alex')).toHaveLength(3)
      })

      test('keeps orders whose records have left the log, and counts them apart from those missing within it', async () => {
        const orders = numbered(6)
        await store(orders)
        // This record counts as a duplicate. It has the offset of `lost`, so the ledger has counted that offset,
        // although the store does not have the order `lost`.
        await store([{ ...orders[0]!, origin: place(6) }])
        const lost = orderAt(6)
        const before = await everything()
        await opened.maintenance.beginRebuild(step(), ACT)
        const logStarts = [
          { topic: 'another', partition: 0, offset: 6 },
          { topic: 'orders', partition: 0, offset: 3 },
          { topic: 'orders', partition: 1, offset: 6 },
        ]
        // The log begins at offset 3, and offset 4 is missing from it.
        expect(await project([orders[3]!, orders[5]!, lost])).toEqual(['projected', 'projected', 'lost'])
        expect(await opened.maintenance.completeOrders(step({ logStarts }), 2)).toEqual({
          orders: 2,
          kept: 2,
          expired: 2,
        })
        const progress = { ...PROGRESS, kept: 2, expired: 2, completed: 2 }
        expect(await opened.maintenance.swapOrders(step({ logStarts, progress }))).toMatchObject({
          state: 'done',
          kept: 4,
          expired: 3,
          completed: 6,
        })
        expect(await everything()).toEqual(before)
        expect(await found('alex')).toHaveLength(6)
      })

      test('a repeated step changes nothing', async () => {
        const orders = numbered(3)
        await store(orders)
        await opened.maintenance.beginRebuild(step(), ACT)
        await project(orders)
        expect(await project(orders)).toEqual(orders.map(() => 'projected'))
        await opened.maintenance.swapOrders(step())
        expect(await everything()).toHaveLength(3)
      })

      test('runs once at a time until its lease expires; then its owner takes no further part', async () => {
        await store(numbered(1))
        await opened.maintenance.beginRebuild(step(), ACT)
        const other = step({ owner: 'other' })
        await expect(opened.maintenance.beginRebuild(other, ACT)).rejects.toMatchObject({ code: 'conflict' })
        const later = { owner: 'other', at: new Date(Date.now() + 61_000).toISOString() }
        await opened.maintenance.beginRebuild(step(later), ACT)
        await expect(project(numbered(1))).rejects.toMatchObject({ code: 'conflict' })
        await opened.maintenance.abandonRebuild('one', 'It gave up.', NOW)
        expect(await opened.maintenance.getRebuild()).toMatchObject({ state: 'running' })
        expect(await opened.maintenance.swapOrders(step(later))).toMatchObject({ state: 'done', kept: 1 })
      })

      test('that is aborted leaves the live orders alone and gives the reason; another begins from scratch', async () => {
        const orders = numbered(3)
        await store(orders)
        expect(await opened.maintenance.getRebuild()).toBeUndefined()
        await opened.maintenance.beginRebuild(step(), ACT)
        await project(orders.slice(0, 1))
        await opened.maintenance.abandonRebuild('one', 'It gave up.', NOW)
        expect(await opened.maintenance.getRebuild()).toMatchObject({ state: 'failed', why: 'It gave up.' })
        expect(await everything()).toHaveLength(3)
        await opened.maintenance.beginRebuild(step({ owner: 'two' }), ACT)
        expect(await opened.maintenance.swapOrders(step({ owner: 'two' }))).toMatchObject({ kept: 3 })
      })

      test('whose lease expired is shown as abandoned', async () => {
        await opened.maintenance.beginRebuild(step({ at: '2026-01-01T00:00:00.000Z' }), ACT)
        expect(await opened.maintenance.getRebuild()).toMatchObject({ state: 'abandoned', operator: 'sam' })
      })

      test('can follow another, and orders are stored in the new tables as before', async () => {
        const orders = numbered(3)
        await store(orders)
        for (const owner of ['one', 'two', 'three']) {
          await opened.maintenance.beginRebuild(step({ owner }), ACT)
          await project(orders, step({ owner }))
          await opened.maintenance.swapOrders(step({ owner }))
        }
        await store([orderAt(3), orderAt(4)])
        await store(orders)
        expect(await everything()).toHaveLength(5)
        expect(await found('alex')).toHaveLength(5)
        expect(lineOf(await opened.ledger.read(GROUP, 'orders', 10))).toMatchObject({ stored: 5, balanced: true })
      })
    })

    test('a new epoch of the ledger forgets the old one, and counts skipped offsets as a gap', async () => {
      const [stored, dead] = numbered(2)
      await store([stored!], { parked: [parkedFrom(dead!, { state: 'dead', nextAttemptAt: null })] })
      const partitions = [
        { partition: 0, first: 0, next: 1 },
        { partition: 1, first: 3, next: 3 },
      ]
      const epoch = { topic: 'orders', logId: 'another', partitions }
      await opened.maintenance.resetLedger(GROUP, epoch, ACT)
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      expect(lineOf(snapshot, 0)).toMatchObject({ first: 0, next: 1, gaps: 1, parked: 0, balanced: true })
      expect(lineOf(snapshot, 1)).toMatchObject({ first: 3, next: 3, gaps: 0 })
      expect(snapshot.gaps).toEqual([{ topic: 'orders', partition: 0, from: 0, to: 1 }])
      await store([orderAt(0)])
      expect(lineOf(await opened.ledger.read(GROUP, 'orders', 10), 0)).toMatchObject({
        stored: 1,
        gaps: 0,
        balanced: true,
      })
      const { items } = await opened.redriveTasks.audit({ limit: 10 })
      expect(items).toMatchObject([{ action: 'reset-ledger', target: 'orders', operator: 'sam' }])
    })

    test('a new epoch forgets more rows than one step can delete', async () => {
      const dead = Array.from({ length: 1100 }, (_, offset) => parkedFrom(orderAt(2 * offset)))
      for (const from of [0, 500, 1000]) await store([], { parked: dead.slice(from, from + 500) })
      const epoch = { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next: 0 }] }
      await opened.maintenance.resetLedger(GROUP, epoch, ACT)
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      expect(snapshot).toMatchObject({ partitions: [{ first: 0, next: 0, parked: 0 }], gaps: [] })
      expect(Object.values(snapshot.parked)).toEqual([0, 0, 0, 0, 0, 0])
      expect((await opened.redriveTasks.audit({ limit: 10 })).items).toHaveLength(1)
    })

    test('an action that the log completed is on record', async () => {
      await opened.maintenance.recordAct('take-out', 'orders:5:3', ACT)
      const { items } = await opened.redriveTasks.audit({ limit: 10 })
      const { operator, verified, at, reason } = ACT
      expect(items).toEqual([{ action: 'take-out', target: 'orders:5:3', operator, verified, at, reason }])
    })

    test('one owner at a time repairs the ledger of a group until its lease expires, and the audit log records it', async () => {
      const begin = (owner: string, nowMs: number, groupId = GROUP) =>
        opened.maintenance.beginRepair({ groupId, topic: 'orders', owner, nowMs, leaseMs: 1000 }, ACT)
      expect(await begin('one', 0)).toBe(true)
      expect(await begin('other', 999)).toBe(false)
      expect(await begin('other', 999, 'another group')).toBe(true)
      expect(await begin('other', 1000)).toBe(true)
      await opened.maintenance.endRepair(GROUP, 'one')
      expect(await begin('one', 1001)).toBe(false)
      await opened.maintenance.endRepair(GROUP, 'other')
      expect(await begin('one', 1001)).toBe(true)
      const { items } = await opened.redriveTasks.audit({ limit: 9 })
      expect(items.map(({ action, target }) => [action, target])).toEqual(items.map(() => ['repair-ledger', 'orders']))
      expect(items).toHaveLength(4)
    })

    test('answers each of an operator’s questions about itself in a sentence', async () => {
      const findings = await opened.maintenance.inspect()
      expect(findings.length).toBeGreaterThan(1)
      for (const { name, detail } of findings)
        expect([name, detail]).toEqual([name, expect.stringMatching(/^[A-Z].+\.$/)])
    })

    test('the schema is up to date after opening, and stays so', async () => {
      const once = await opened.maintenance.migrate()
      expect(once.migrations.map(({ version }) => version)).toEqual(once.migrations.map((_, index) => index + 1))
      expect(await opened.maintenance.migrate()).toEqual(once)
    })
  })
}
