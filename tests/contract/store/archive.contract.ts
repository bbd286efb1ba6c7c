import { beforeEach, describe, expect, test } from 'vitest'
import { archivedOrderSchema, type ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import { bodyHash } from '../../../shared/domain/order-events.ts'
import type { ExportedOrder } from '../../../shared/ports/archive.ts'
import type { RebuildStep } from '../../../shared/ports/maintenance.ts'
import type { ChangeToStore, OrderToStore } from '../../../shared/ports/order-store.ts'
import { testOrderIds } from '../../support/orders/orders.ts'
import {
  actAt,
  allPages,
  batchOf,
  changeAt,
  changeLetterOf,
  GROUP,
  keyHash,
  LATER,
  letterIdOf,
  letterOf,
  lineOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenStore,
} from '../store-fixtures.ts'

const FILE = 'orders-20260515T093000Z-0001.ndjson.gz'
const AMEND = { kind: 'amend', amendment: { customerName: 'Renamed' } } as const
const CANCEL = { kind: 'cancel', reason: 'Not wanted.' } as const
const PROGRESS = {
  phase: 'projecting',
  records: 0,
  recordsInAll: 0,
  projected: 0,
  restored: 0,
  kept: 0,
  expired: 0,
  completed: 0,
} as const
const step = (at = new Date().toISOString()): RebuildStep => ({
  owner: 'one',
  at,
  leaseMs: 60_000,
  logStarts: [],
  progress: PROGRESS,
})
/** After the lease of an archive's last step. */
const MUCH_LATER = '2099-01-01T00:00:00.000Z'

/** The promises of `Archive`, and the other ports' promises about orders that are archived. */
export function archiveContract(
  name: string,
  open: () => Promise<OpenStore>,
  { keepsPlaces = true }: { keepsPlaces?: boolean } = {},
): void {
  describe(`${name}, archiving`, () => {
    const opened = openForEachTest(open)
    let last: OrderToStore

    const store = (orders: readonly OrderToStore[], changes: Parameters<typeof batchOf>[1] = {}) =>
      opened.store.storeBatch(batchOf(orders, changes))
    const exported = (before = LATER) => allPages((page) => opened.archive.exportOrders({ before, limit: 2, ...page }))
    const archive = (orders: readonly ExportedOrder[], act = actAt(0)) =>
      opened.archive.archiveOrders(
        orders.map(({ orderId, hash }) => ({ orderId, hash })),
        FILE,
        act,
      )
    const archiveAll = async () => {
      const orders = await exported()
      expect(await archive(orders)).toMatchObject({ archived: orders.length, changed: [] })
      return orders
    }
    const restore = (orders: readonly ExportedOrder[], act = actAt(9)) =>
      opened.archive.restoreOrders(written(orders), FILE, act)
    /** The documents as they come out of a file. */
    const written = (orders: readonly ExportedOrder[]): ArchivedOrder[] =>
      orders.map(({ order }) => archivedOrderSchema.parse(JSON.parse(JSON.stringify(order))))
    const listed = async () =>
      (await allPages((page) => opened.views.list({ limit: 3, ...page }))).map(({ orderId }) => orderId)
    const found = async (q: string) =>
      (await allPages((page) => opened.views.search({ q, limit: 3, ...page }))).map(({ orderId }) => orderId)
    /** Restored orders are the newest of a store that cannot give them their places back. */
    const inPlaces = (ids: readonly string[]) => (keepsPlaces ? ids : ids.toSorted())
    const idsOf = (orders: readonly { readonly orderId: string }[]) => orders.map(({ orderId }) => orderId)

    /** Offset 100, which is stored last, so that every store may archive all orders before it. */
    beforeEach(async () => {
      last = orderAt(0, {
        origin: place(0, 1),
        acceptedAt: '2027-01-01T00:00:00.000Z',
        order: { customerName: 'Last' },
      })
    })
    const storeLast = () => store([last])

    /** An order with all that an order can have, and its change records. */
    async function storeRich(): Promise<{ order: OrderToStore; changes: ChangeToStore[] }> {
      const order = orderAt(0, {
        idempotencyKeyHash: keyHash('k1'),
        order: { reference: 'WEB-1', metadata: { channel: 'web', '7': 'seven' } },
      })
      await store([], { parked: [parkedFrom(order)] })
      await store([order], { delivered: 'copy', now: LATER })
      const amendment = changeAt(1, order, AMEND, { idempotencyKeyHash: keyHash('c1') })
      const tooLate = changeAt(2, order, { ...AMEND, expectedVersion: 1 })
      const cancellation = changeAt(3, order, CANCEL)
      const changes = [amendment, tooLate, cancellation]
      await store([], { changes, now: LATER })
      return { order, changes }
    }

    describe('exports', () => {
      test('orders accepted before the time, in the sequence of storing, in pages', async () => {
        const old = Array.from({ length: 5 }, (_, offset) => orderAt(offset))
        const young = orderAt(5, { acceptedAt: LATER })
        await store([...old, young])
        await storeLast()
        expect(idsOf(await exported())).toEqual(idsOf(old))
        expect(idsOf(await exported(NOW))).toEqual(idsOf(old))
        expect(await exported('2025-12-31T00:00:00.000Z')).toEqual([])
      })

      test('the whole order, with its changes and history, as a document that every version can validate', async () => {
        const { order, changes } = await storeRich()
        await storeLast()
        const [one, ...others] = await exported()
        expect(others).toEqual([])
        expect(one?.hash).toBe(bodyHash(JSON.stringify(one?.order)))
        expect(written([one!])).toEqual([one?.order])
        expect(one?.order).toMatchObject({
          orderId: order.orderId,
          order: { ...order.order, customerName: 'Renamed' },
          stored: {
            origin: order.origin,
            bodyHash: order.bodyHash,
            idempotencyKeyHash: order.idempotencyKeyHash,
            version: 3,
            cancelledAt: changes[2]?.acceptedAt,
            cancellationReason: 'Not wanted.',
          },
          discarded: null,
          changes: [
            { changeId: changes[0]?.changeId, state: 'applied', change: AMEND, version: 2 },
            { changeId: changes[1]?.changeId, state: 'rejected', cause: { code: 'version-conflict' } },
            { changeId: changes[2]?.changeId, state: 'applied', change: CANCEL, version: 3 },
          ],
        })
        expect(one?.order.history.map(({ kind }) => kind)).toContain('attempt-failed')
      })

      test('no order that waits for anything', async () => {
        const [plain, retrying, dead, letterOpen, redriven, changeWaits, changeDead] = Array.from(
          { length: 7 },
          (_, at) => orderAt(at),
        )
        const parked = [parkedFrom(retrying!), parkedFrom(dead!, { state: 'dead', nextAttemptAt: null })]
        await store([plain!, letterOpen!, redriven!, changeWaits!, changeDead!], { parked })
        await opened.deadLetters.keep([
          letterOf(letterOpen!, { origin: place(50), redriveOf: null }),
          letterOf(redriven!, { origin: place(51) }),
        ])
        const { id } = await opened.redriveTasks.create(
          { id: 'task', letters: { ids: ['orders:0:51'] }, ratePerSecond: 1 },
          actAt(1),
        )
        await opened.redriveTasks.markSent(id, ['orders:0:51'], LATER)
        await store([], { parked: [parkedChange(changeAt(7, changeWaits!, AMEND))] })
        const lost = changeAt(8, changeDead!, AMEND)
        await store([], { parked: [parkedChange(lost, { state: 'dead', nextAttemptAt: null })] })
        await opened.deadLetters.keep([changeLetterOf(lost)])
        await storeLast()
        expect(idsOf(await exported())).toEqual([plain!.orderId])
      })

      test('discarded orders too, last', async () => {
        const [given, stored] = [orderAt(0), orderAt(1)]
        await store([stored], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
        await opened.deadLetters.keep([letterOf(given)])
        await opened.redriveTasks.discard(letterIdOf(given), actAt(1, { reason: 'A test.' }))
        await storeLast()
        const orders = await exported()
        expect(idsOf(orders)).toEqual([stored.orderId, given.orderId])
        expect(orders[1]?.order).toMatchObject({ order: given.order, stored: null, discarded: { attempt: 1 } })
      })
    })

    describe('gives up orders', () => {
      test('so that no view has them but the one that says when', async () => {
        const { order } = await storeRich()
        const other = orderAt(4)
        await store([other])
        await storeLast()
        const orders = (await exported()).slice(0, 1)
        expect(await archive(orders)).toEqual({ archived: 1, known: 0, changed: [] })
        expect(await opened.views.get(order.orderId)).toBeUndefined()
        expect(await opened.views.history(order.orderId)).toBeUndefined()
        expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
        expect(await opened.views.archivedAt(order.orderId)).toBe(actAt(0).at)
        expect(await opened.views.archivedAt(other.orderId)).toBeUndefined()
        expect(await listed()).toEqual([last.orderId, other.orderId])
        expect((await opened.views.list({ limit: 9, status: 'cancelled' })).items).toEqual([])
        expect(await found('renamed')).toEqual([])
        // The e-mail address of the last one has the word.
        expect(await found('alex')).toEqual([other.orderId, last.orderId])
        expect(await found('web')).toEqual([])
      })

      test('once, however often that is repeated', async () => {
        await store([orderAt(0), orderAt(1)])
        await storeLast()
        const orders = await archiveAll()
        expect(await archive(orders, actAt(5))).toEqual({ archived: 0, known: 2, changed: [] })
        expect(await opened.views.archivedAt(orders[0]!.orderId)).toBe(actAt(0).at)
        expect(await exported()).toEqual([])
      })

      test('only as they were exported', async () => {
        const [changed, waits, same] = [orderAt(0), orderAt(1), orderAt(2)]
        await store([changed, waits, same])
        await storeLast()
        const orders = await exported()
        await store([], { changes: [changeAt(3, changed, AMEND)] })
        await store([], { parked: [parkedChange(changeAt(4, waits, AMEND))] })
        const unknown = { ...orders[0]!, orderId: testOrderIds.next(0) }
        expect(await archive([...orders, unknown])).toEqual({
          archived: 1,
          known: 0,
          changed: [changed.orderId, waits.orderId, unknown.orderId],
        })
        expect(await opened.views.get(changed.orderId)).toMatchObject({ version: 2 })
        expect(await opened.views.get(waits.orderId)).toMatchObject({ status: 'stored' })
      })

      test('with one audit entry for a file', async () => {
        const orders = Array.from({ length: 60 }, (_, offset) => orderAt(offset))
        await store(orders)
        await storeLast()
        const all = await exported()
        await archive(all.slice(0, 30), actAt(0, { reason: 'Old.' }))
        await archive(all.slice(30), actAt(1, { reason: 'Old.' }))
        expect((await opened.redriveTasks.audit({ limit: 9, target: FILE })).items).toEqual([
          { at: actAt(0).at, action: 'archive', target: FILE, operator: 'Kim', verified: false, reason: 'Old.' },
        ])
      })

      test('and leaves the ledger as it is', async () => {
        await store([orderAt(0), orderAt(1)])
        await storeLast()
        const before = await opened.ledger.read(GROUP, 9)
        await archiveAll()
        expect(await opened.ledger.read(GROUP, 9)).toEqual(before)
        expect(lineOf(before)).toMatchObject({ stored: 2, balanced: true })
      })
    })

    describe('afterwards', () => {
      test('a record of an archived order is recognised, and brings nothing back', async () => {
        const { order, changes } = await storeRich()
        await storeLast()
        await archiveAll()
        const copy = { ...order, origin: place(4) }
        const other = { ...orderAt(5, { order: { customerName: 'Other' } }), orderId: order.orderId }
        expect((await store([order])).outcomes).toEqual([{ kind: 'stored' }])
        expect(await store([copy])).toMatchObject({ outcomes: [{ kind: 'duplicate' }], counted: true })
        expect((await store([other])).outcomes).toMatchObject([{ kind: 'rejected', code: 'order-id-reused' }])
        const again = await store([], { changes })
        expect(again.changes).toEqual([{ kind: 'applied' }, { kind: 'refused' }, { kind: 'applied' }])
        const moved = changes.map((change, at) => ({ ...change, origin: place(5 + at) }))
        expect((await store([], { changes: moved })).changes).toEqual(moved.map(() => ({ kind: 'duplicate' })))
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({ duplicate: 4, balanced: true })
        expect(await listed()).toEqual([last.orderId])
        expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
      })

      test('a late failure of an archived order or change gives neither a status', async () => {
        const { order, changes } = await storeRich()
        await storeLast()
        await archiveAll()
        const parked = [parkedFrom({ ...order, origin: place(4) }), parkedChange({ ...changes[0]!, origin: place(5) })]
        await store([], { parked })
        await opened.deadLetters.keep([letterOf({ ...order, origin: place(4) })])
        expect(await opened.views.get(order.orderId)).toBeUndefined()
        expect((await opened.views.changes(order.orderId, { limit: 9 })).items).toEqual([])
        expect((await opened.views.list({ limit: 9, status: 'retrying' })).items).toEqual([])
        expect((await opened.views.list({ limit: 9, status: 'dead-lettered' })).items).toEqual([])
      })

      test('their Idempotency-Keys are known, and belong to them', async () => {
        const { order, changes } = await storeRich()
        await storeLast()
        await archiveAll()
        expect(await opened.store.findByIdempotencyKey(keyHash('k1'))).toEqual({
          orderId: order.orderId,
          bodyHash: order.bodyHash,
          acceptedAt: order.acceptedAt,
        })
        expect(await opened.store.findChangeByIdempotencyKey(keyHash('c1'))).toEqual({
          changeId: changes[0]?.changeId,
          bodyHash: changes[0]?.bodyHash,
          acceptedAt: changes[0]?.acceptedAt,
        })
        const thief = orderAt(4, { idempotencyKeyHash: keyHash('k1') })
        expect((await store([thief])).outcomes).toMatchObject([{ kind: 'rejected', code: 'idempotency-key-reused' }])
        const changeThief = changeAt(5, last, AMEND, { idempotencyKeyHash: keyHash('c1') })
        expect((await store([], { changes: [changeThief] })).changes).toEqual([{ kind: 'refused' }])
      })

      test('a new change of an archived order is refused, even if its first attempt failed', async () => {
        const order = orderAt(0)
        await store([order])
        await storeLast()
        await archiveAll()
        const [first, second] = [changeAt(1, order, AMEND), changeAt(2, order, CANCEL)]
        await store([], { parked: [parkedChange(second)] })
        expect((await store([], { changes: [first] })).changes).toEqual([{ kind: 'refused' }])
        expect((await store([], { changes: [second], delivered: 'copy' })).changes).toEqual([{ kind: 'refused' }])
        const views = await opened.views.getChanges([first.changeId, second.changeId])
        for (const { changeId } of [first, second]) {
          expect(views.get(changeId)).toMatchObject({ status: 'rejected', cause: { code: 'order-archived' } })
        }
      })

      test('a discarded order stays discarded, and its letter is restored only after the order', async () => {
        const given = orderAt(0)
        await store([], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
        await opened.deadLetters.keep([letterOf(given)])
        await opened.redriveTasks.discard(letterIdOf(given), actAt(1))
        await storeLast()
        const orders = await archiveAll()
        expect((await store([given])).outcomes).toEqual([{ kind: 'withheld' }])
        expect((await store([{ ...given, origin: place(1) }])).outcomes).toEqual([{ kind: 'withheld' }])
        expect(lineOf(await opened.ledger.read(GROUP, 9))).toMatchObject({ stored: 0, parked: 2, balanced: true })
        expect(await listed()).toEqual([last.orderId])
        await expect(opened.redriveTasks.restore(letterIdOf(given), actAt(2))).rejects.toMatchObject({
          code: 'conflict',
        })
        await restore(orders)
        expect(await opened.views.get(given.orderId)).toMatchObject({ status: 'discarded', customerName: 'Alex' })
        expect((await opened.views.list({ limit: 9, status: 'discarded', q: 'alex' })).items).toHaveLength(1)
        await opened.redriveTasks.restore(letterIdOf(given), actAt(10))
        expect(await opened.views.get(given.orderId)).toMatchObject({ status: 'dead-lettered' })
      })
    })

    describe('restoring', () => {
      test('brings everything back, at its place in lists and searches', async () => {
        const { order } = await storeRich()
        const others = [orderAt(4), orderAt(5)]
        await store(others)
        await storeLast()
        const view = await opened.views.get(order.orderId)
        const history = await opened.views.history(order.orderId)
        const changes = await opened.views.changes(order.orderId, { limit: 9 })
        const sequence = await listed()
        const orders = await archiveAll()
        expect(await listed()).toEqual([last.orderId])
        expect(await restore(orders.toReversed())).toEqual({ restored: 3, known: 0 })
        expect(await opened.views.get(order.orderId)).toEqual(view)
        expect(await opened.views.history(order.orderId)).toEqual(history)
        expect(await opened.views.changes(order.orderId, { limit: 9 })).toEqual(changes)
        expect(await opened.views.archivedAt(order.orderId)).toBeUndefined()
        expect(inPlaces(await listed())).toEqual(inPlaces(sequence))
        expect(await found('renamed')).toEqual([order.orderId])
        expect(idsOf((await opened.views.list({ limit: 9, to: NOW })).items)).toHaveLength(3)
        expect(new Set(await exported())).toEqual(new Set(orders))
      })

      test('changes nothing about an order that is there', async () => {
        const order = orderAt(0)
        await store([order])
        await storeLast()
        const orders = await exported()
        await store([], { changes: [changeAt(1, order, AMEND)] })
        expect(await restore(orders)).toEqual({ restored: 0, known: 1 })
        expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Renamed' })
        expect((await opened.redriveTasks.audit({ limit: 9, target: FILE })).items).toEqual([])
      })

      test('takes an order that the store never had', async () => {
        const { order } = await storeRich()
        await storeLast()
        const orders = await exported()
        await using another = await open()
        await another.store.storeBatch(batchOf([orderAt(90)]))
        expect(await another.archive.restoreOrders(written(orders), FILE, actAt(1))).toEqual({ restored: 1, known: 0 })
        expect(await another.views.get(order.orderId)).toMatchObject({ status: 'cancelled', version: 3 })
      })

      test('lets a record of the order be recognised as before', async () => {
        const order = orderAt(0, { idempotencyKeyHash: keyHash('k') })
        await store([order])
        await storeLast()
        await restore(await archiveAll())
        expect((await store([order])).outcomes).toEqual([{ kind: 'stored' }])
        expect((await store([{ ...order, origin: place(1) }])).outcomes).toEqual([{ kind: 'duplicate' }])
        const changed = await store([], { changes: [changeAt(2, order, AMEND)] })
        expect(changed.changes).toEqual([{ kind: 'applied' }])
      })

      test('refuses an older copy of an order that was restored, changed and archived again', async () => {
        const [order, other] = [orderAt(0), orderAt(1)]
        await store([order, other])
        await storeLast()
        const older = await archiveAll()
        await restore(older)
        await store([], { changes: [changeAt(2, order, AMEND)] })
        const newer = await exported()
        await opened.archive.archiveOrders(newer, 'newer.ndjson.gz', actAt(1))
        await expect(restore(older)).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(`${order.orderId} .* newer\\.ndjson\\.gz`),
        })
        expect(await listed()).toEqual([last.orderId])
        expect(await restore(newer)).toEqual({ restored: 2, known: 0 })
        expect(await restore(older)).toEqual({ restored: 0, known: 2 })
        expect(await opened.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Renamed' })
      })

      test('refuses an older copy of a discarded order that was redriven, stored and archived again', async () => {
        const given = orderAt(0)
        await store([], { parked: [parkedFrom(given, { state: 'dead', nextAttemptAt: null })] })
        await opened.deadLetters.keep([letterOf(given)])
        await opened.redriveTasks.discard(letterIdOf(given), actAt(1))
        await storeLast()
        const older = await archiveAll()
        await restore(older)
        await opened.redriveTasks.restore(letterIdOf(given), actAt(2))
        await store([{ ...given, origin: place(5), redriveOf: letterIdOf(given) }])
        await store([orderAt(7)])
        const newer = (await exported()).filter(({ orderId }) => orderId === given.orderId)
        expect(newer).toMatchObject([{ order: { stored: { version: 1 } } }])
        await archive(newer)
        await expect(restore(older)).rejects.toMatchObject({ code: 'conflict' })
        expect(await restore(newer)).toEqual({ restored: 1, known: 0 })
      })

      test('refuses a document that the tables do not allow, with nothing changed', async () => {
        await store([orderAt(0), orderAt(1)])
        await storeLast()
        const orders = written(await archiveAll())
        const bad = { ...orders[1]!, stored: { ...orders[1]!.stored!, version: 0 } }
        const refused = opened.archive.restoreOrders([orders[0]!, bad], FILE, actAt(9))
        await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(bad.orderId) })
        expect(await listed()).toEqual([last.orderId])
      })

      test('refuses an order whose Idempotency-Key belongs to another one', async () => {
        const order = orderAt(0, { idempotencyKeyHash: keyHash('k') })
        await store([order])
        await storeLast()
        const orders = written(await exported())
        await using another = await open()
        await another.store.storeBatch(batchOf([orderAt(90, { idempotencyKeyHash: keyHash('k') })]))
        const refused = another.archive.restoreOrders(orders, FILE, actAt(1))
        await expect(refused).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('Idempotency-Key'),
        })
      })
    })

    describe('and a rebuild', () => {
      test('exclude each other', async () => {
        await store([orderAt(0)])
        await storeLast()
        const orders = await exported()
        await opened.maintenance.beginRebuild(step(), actAt(0))
        await expect(archive(orders)).rejects.toMatchObject({ code: 'conflict' })
        await expect(restore(orders)).rejects.toMatchObject({ code: 'conflict' })
        await opened.maintenance.abandonRebuild('one', 'A test.', NOW)
        await archive(orders)
        await expect(opened.maintenance.beginRebuild(step(), actAt(0))).rejects.toMatchObject({ code: 'conflict' })
        await opened.maintenance.beginRebuild(step(MUCH_LATER), actAt(0))
      })

      test('an abandoned one loses what it has built, because its process may only be slow', async () => {
        await store([orderAt(0)])
        await storeLast()
        const long = new Date(Date.now() - 120_000).toISOString()
        await opened.maintenance.beginRebuild(step(long), actAt(0))
        await archiveAll()
        await expect(opened.maintenance.swapOrders(step())).rejects.toMatchObject({ code: 'conflict' })
        expect(await listed()).toEqual([last.orderId])
      })

      test('leaves archived orders archived, and knows restored ones', async () => {
        const { order, changes } = await storeRich()
        const other = orderAt(4)
        await store([other])
        await storeLast()
        const orders = await archiveAll()
        await restore(orders.filter(({ orderId }) => orderId === other.orderId))
        await opened.maintenance.beginRebuild(step(MUCH_LATER), actAt(0))
        const outcomes = await opened.maintenance.projectOrders(step(), GROUP, [order, ...changes, other, last])
        expect(outcomes).toEqual(['archived', 'archived', 'archived', 'archived', 'projected', 'projected'])
        await opened.maintenance.swapOrders(step())
        expect(inPlaces(await listed())).toEqual(inPlaces([last.orderId, other.orderId]))
        expect(await opened.views.archivedAt(order.orderId)).toBeDefined()
        await restore(orders)
        expect(inPlaces(await listed())).toEqual(inPlaces([last.orderId, other.orderId, order.orderId]))
        const old = idsOf((await opened.views.list({ limit: 9, to: NOW })).items)
        expect(inPlaces(old)).toEqual(inPlaces([other.orderId, order.orderId]))
      })
    })

    test('an order that is stored after archiving never gets the place of an archived one', async () => {
      await store([orderAt(0), orderAt(1)])
      const before = await exported()
      await archive(before)
      const next = orderAt(2)
      await store([next])
      expect((await restore(before)).restored).toBe(before.length)
      if (keepsPlaces) expect((await listed())[0]).toBe(next.orderId)
      expect(new Set(await listed()).size).toBe(3)
    })
  })
}
