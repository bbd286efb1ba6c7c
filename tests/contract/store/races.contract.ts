import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import {
  actAt,
  batchOf,
  changeAt,
  changeLetterOf,
  foreignLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  LATER,
  NOW,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
} from '../store-fixtures.ts'
import { CUSTOMER, hers, moved } from '../forgetting-fixtures.ts'
import { meet as meetAt, type SharedStore } from './shared-store.ts'

const HOLD_STATES = 'UPDATE order_states SET attempt = attempt'
const HOLD_CHANGES = 'UPDATE order_changes SET attempt = attempt'
const HOLD_LEDGER = 'UPDATE ledger SET stored = stored'
const HOLD_LETTERS = 'UPDATE dead_letters SET attempts = attempts'
const HOLD_PARKED = 'UPDATE parked_records SET attempt = attempt'
/** Two concurrent decisions about one record or one order leave every store in a consistent state. */
export function racesContract(name: string, open: () => Promise<SharedStore>): void {
  describe(`${name} shared by two processes`, () => {
    let shared: SharedStore
    beforeEach(async () => {
      shared = await open()
      await shared.one.ledger.begin(GROUP, 'orders', new Map([0, 1].map((partition) => [partition, 0])), null)
    })
    afterEach(() => shared[Symbol.asyncDispose]())

    const meet = (held: string, ...calls: (() => Promise<unknown>)[]) => meetAt(shared, held, ...calls)
    const retrying = (order: OrderToStore) => shared.one.store.storeBatch(batchOf([], { parked: [parkedFrom(order)] }))
    const dead = async (order: OrderToStore) => {
      const parked = [parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null })]
      await shared.one.store.storeBatch(batchOf([], { parked }))
      await shared.one.deadLetters.keep([letterOf(order)])
    }
    const stateOf = async (order: OrderToStore) => (await shared.one.deadLetters.get(letterIdOf(order)))?.state
    const statusOf = async (order: OrderToStore) => (await shared.one.views.get(order.orderId))?.status
    const parkedStates = async () => {
      const { parked } = await shared.one.ledger.read(GROUP, 'orders', 10)
      return Object.fromEntries(Object.entries(parked).filter(([, count]) => count > 0))
    }

    test.each([0, 1])(
      'two letters of one order, the second in partition %i, are discarded, and so is the order',
      async (p) => {
        const first = orderAt(0)
        const second = { ...first, origin: place(1, p) }
        await dead(first)
        await dead(second)
        const results = await meet(
          HOLD_STATES,
          () => shared.one.redriveTasks.discard(letterIdOf(first), actAt(1)),
          () => shared.other.redriveTasks.discard(letterIdOf(second), actAt(2)),
        )
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
        expect([await stateOf(first), await stateOf(second)]).toEqual(['discarded', 'discarded'])
        expect(await statusOf(first)).toBe('discarded')
      },
    )

    test('two operators discard one letter: one succeeds, and the audit log has one line', async () => {
      const order = orderAt(0)
      await dead(order)
      const results = await meet(
        HOLD_STATES,
        () => shared.one.redriveTasks.discard(letterIdOf(order), actAt(1)),
        () => shared.other.redriveTasks.discard(letterIdOf(order), actAt(2)),
      )
      expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect((await shared.one.redriveTasks.audit({ limit: 10 })).items).toHaveLength(1)
    })

    test('a letter that is kept while a retry stores its order is resolved, and the record stays stored', async () => {
      const order = orderAt(0)
      await retrying(order)
      const results = await meet(
        HOLD_PARKED,
        () => shared.one.store.storeBatch(batchOf([order], { delivered: 'copy', now: LATER })),
        () => shared.other.deadLetters.keep([letterOf(order)]),
      )
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
      expect([await statusOf(order), await stateOf(order)]).toEqual(['stored', 'resolved'])
      expect(await parkedStates()).toEqual({ stored: 1 })
    })

    test('a record that is parked again while it is being stored stays stored', async () => {
      const order = orderAt(0)
      await retrying(order)
      const again = [parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null })]
      await meet(
        HOLD_PARKED,
        () => shared.one.store.storeBatch(batchOf([order], { delivered: 'copy', now: LATER })),
        () => shared.other.store.storeBatch(batchOf([], { delivered: 'copy', parked: again, now: LATER })),
      )
      expect(await statusOf(order)).toBe('stored')
      expect(await parkedStates()).toEqual({ stored: 1 })
    })

    test('an order is discarded while a retry stores it: it is either stored with its letter resolved, or discarded', async () => {
      const order = orderAt(0)
      await dead(order)
      const [, discarded] = await meet(
        HOLD_PARKED,
        () => shared.one.store.storeBatch(batchOf([order], { delivered: 'copy', now: LATER })),
        () => shared.other.redriveTasks.discard(letterIdOf(order), actAt(1)),
      )
      const outcome = [await statusOf(order), await stateOf(order), discarded?.status]
      expect([
        ['stored', 'resolved', 'rejected'],
        ['discarded', 'discarded', 'fulfilled'],
      ]).toContainEqual(outcome)
    })

    test('the last letter is discarded while another of its order is kept: the second can be discarded too', async () => {
      const first = orderAt(0)
      const second = { ...first, origin: place(1, 1) }
      await dead(first)
      await meet(
        HOLD_STATES,
        () => shared.one.redriveTasks.discard(letterIdOf(first), actAt(1)),
        () => shared.other.deadLetters.keep([letterOf(second)]),
      )
      expect([await stateOf(first), await stateOf(second)]).toEqual(['discarded', 'dead'])
      expect(['dead-lettered', 'discarded']).toContain(await statusOf(first))
      // Whichever came first, the remaining letter can still be discarded or redriven.
      await shared.one.redriveTasks.discard(letterIdOf(second), actAt(2))
      expect(await statusOf(first)).toBe('discarded')
    })

    test('the same order from two partitions is stored once, and leaves no failure status behind', async () => {
      const first = orderAt(0)
      const second = { ...first, origin: place(0, 1) }
      await retrying(first)
      await meet(
        HOLD_STATES,
        () => shared.one.store.storeBatch(batchOf([first], { delivered: 'copy', now: LATER })),
        () => shared.other.store.storeBatch(batchOf([second], { now: NOW })),
      )
      expect(await statusOf(first)).toBe('stored')
      const page = await shared.one.views.list({ limit: 10, status: 'retrying' })
      expect(page.items).toEqual([])
    })

    const statusOfChange = async (changeId: string) =>
      (await shared.one.views.getChanges([changeId])).get(changeId)?.status
    const amendment = { kind: 'amend', amendment: { customerName: 'Changed' } } as const

    test.each([0, 1])(
      'a retry stores an order while its change comes from partition %i: the change takes effect',
      async (p) => {
        const order = orderAt(0)
        const change = changeAt(1, order, amendment, { origin: place(1, p) })
        await retrying(order)
        const results = await meet(
          HOLD_STATES,
          () => shared.one.store.storeBatch(batchOf([order], { delivered: 'copy' })),
          () => shared.other.store.storeBatch(batchOf([], { changes: [change] })),
        )
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
        expect(await statusOfChange(change.changeId)).toBe('applied')
        expect(await shared.one.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Changed' })
      },
    )

    test('two processes decide one change: it takes effect once', async () => {
      const order = orderAt(0)
      const change = changeAt(1, order, amendment)
      await retrying(order)
      await shared.one.store.storeBatch(batchOf([], { changes: [change] }))
      const results = await meet(
        HOLD_CHANGES,
        () => shared.one.store.storeBatch(batchOf([order], { delivered: 'copy' })),
        () => shared.other.store.storeBatch(batchOf([order], { delivered: 'copy' })),
      )
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
      expect(await shared.one.views.get(order.orderId)).toMatchObject({ version: 2, customerName: 'Changed' })
      const entries = (await shared.one.views.history(order.orderId)) ?? []
      expect(entries.filter(({ kind }) => kind === 'amended')).toHaveLength(1)
    })

    test.each([0, 1])(
      'a change is discarded while a later one comes from partition %i: the later one does not wait forever',
      async (p) => {
        const order = orderAt(0)
        const [first, later] = [changeAt(1, order, amendment), changeAt(2, order, amendment, { origin: place(2, p) })]
        const parked = [parkedChange(first, { state: 'dead', attempt: 4, nextAttemptAt: null })]
        await shared.one.store.storeBatch(batchOf([order], { parked }))
        await shared.one.deadLetters.keep([changeLetterOf(first)])
        const results = await meet(
          HOLD_CHANGES,
          () => shared.one.redriveTasks.discard(letterIdOf(first), actAt(1)),
          () => shared.other.store.storeBatch(batchOf([], { changes: [later] })),
        )
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
        expect(await statusOfChange(first.changeId)).toBe('discarded')
        expect(['applied', 'rejected']).toContain(await statusOfChange(later.changeId))
        expect((await shared.one.ledger.read(GROUP, 'orders', 10)).waiting).toBe(0)
      },
    )

    describe.each(['before', 'after'])('a customer is forgotten by one process %s another', (first) => {
      const forget = () => shared.other.forgetting.forget(CUSTOMER, actAt(1))
      const meetForgetting = async (work: () => Promise<unknown>, held = HOLD_LEDGER) => {
        const results = await meet(held, ...(first === 'before' ? [forget, work] : [work, forget]))
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
      }

      test('stores an order of that customer', async () => {
        const order = hers(0)
        await meetForgetting(() => shared.one.store.storeBatch(batchOf([order])))
        const seen = await shared.one.views.get(order.orderId)
        expect(seen).toMatchObject({ status: 'stored', forgotten: true })
        expect(seen).not.toHaveProperty('customerName')
        expect((await shared.one.views.search({ q: 'zelda', limit: 9 })).items).toEqual([])
      })

      test('records a failure and a change of such an order', async () => {
        const order = hers(0)
        const change = changeAt(1, order, moved('1 Umbral Lane'))
        const batch = batchOf([], { parked: [parkedFrom(order)], changes: [change] })
        await meetForgetting(() => shared.one.store.storeBatch(batch))
        const seen = await shared.one.views.get(order.orderId)
        const { items } = await shared.one.views.changes(order.orderId, { limit: 9 })
        expect(seen).toMatchObject({ status: 'retrying', forgotten: true })
        expect(items).toMatchObject([{ status: 'waiting', forgotten: true }])
        expect(JSON.stringify([seen, items])).not.toMatch(/Zelda|Umbral/)
      })

      test('keeps a letter of such an order', async () => {
        const order = hers(0)
        await meetForgetting(() => shared.one.deadLetters.keep([letterOf(order)]))
        const letter = await shared.one.deadLetters.get(letterIdOf(order))
        expect(Buffer.from(letter?.value ?? []).toString()).toMatch(/"forgotten"/)
        expect(Buffer.from(letter?.value ?? []).toString()).not.toContain('Zelda')
      })

      // When the storing process has to wait for this letter, it has already looked for forgotten customers.
      const unreadable = letterOf(orderAt(9), { origin: place(9, 7), orderId: null, value: Buffer.from('?') })

      test('has inserted an order of that customer', async () => {
        await shared.one.deadLetters.keep([unreadable])
        const order = hers(10, { redriveOf: letterIdOf(unreadable) })
        await meetForgetting(() => shared.one.store.storeBatch(batchOf([order])), HOLD_LETTERS)
        expect(await shared.one.views.get(order.orderId)).toMatchObject({ status: 'stored', forgotten: true })
        expect(await shared.one.views.get(order.orderId)).not.toHaveProperty('customerName')
      })

      test('has inserted a letter of that customer, which belongs to no partition of the ledger', async () => {
        await shared.one.deadLetters.keep([unreadable])
        const foreign = foreignLetterOf(hers(3), 3)
        const other = letterOf(orderAt(8), { origin: place(8, 7), redriveOf: letterIdOf(unreadable) })
        await meetForgetting(() => shared.one.deadLetters.keep([foreign, other]), HOLD_LETTERS)
        const letter = await shared.one.deadLetters.get(letterIdOf(foreign))
        expect(Buffer.from(letter?.value ?? []).toString()).toMatch(/"forgotten"/)
      })
    })

    test('a task is leased to only one of two owners', async () => {
      const order = orderAt(0)
      await dead(order)
      const act = actAt(1)
      await shared.one.redriveTasks.create({ id: 'task', letters: { ids: [letterIdOf(order)] }, ratePerSecond: 1 }, act)
      const results = await meet(
        'UPDATE redrive_tasks SET step = step',
        () => shared.one.redriveTasks.lease('a', 1000, 5000),
        () => shared.other.redriveTasks.lease('b', 1000, 5000),
      )
      const leased = results.map((result) => result.status === 'fulfilled' && result.value !== undefined)
      // Both callers may have skipped the task because its row was locked. The next caller then gets it.
      expect(leased.filter(Boolean).length).toBeLessThanOrEqual(1)
      const next = await shared.one.redriveTasks.lease('c', 1000, 5000)
      expect(next === undefined).toBe(leased.includes(true))
    })

    test('a ledger repair is begun by only one of two owners', async () => {
      const lease = { groupId: GROUP, topic: 'orders', nowMs: 1000, leaseMs: 5000 }
      await shared.one.maintenance.beginRepair({ ...lease, owner: 'old', nowMs: -9000 }, actAt(1))
      const results = await meet(
        'UPDATE ledger_repairs SET leased_until = leased_until',
        () => shared.one.maintenance.beginRepair({ ...lease, owner: 'a' }, actAt(2)),
        () => shared.other.maintenance.beginRepair({ ...lease, owner: 'b' }, actAt(3)),
      )
      const begun = results.filter((result) => result.status === 'fulfilled' && result.value === true)
      expect(begun).toHaveLength(1)
    })
  })
}
