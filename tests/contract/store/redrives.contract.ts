import { describe, expect, test } from 'vitest'
import type { OrderToStore } from '../../../shared/ports/order-store.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import { again, at, LEASE_MS, redriveSteps } from '../redrive-fixtures.ts'
import {
  actAt,
  batchOf,
  letterIdOf,
  letterOf,
  openForEachTest,
  orderAt,
  parkedFrom,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** What every store guarantees about redrive tasks. */
export function redrivesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} with redrive tasks`, () => {
    const opened = openForEachTest(open)

    const { dead, create, lease, claim, markSent, stored, stateOf } = redriveSteps(() => opened)
    const progress = async () => {
      const task = await opened.redriveTasks.get('task')
      const { total, waiting, pending, resolved, failed, skipped } = task as RedriveTask
      expect(waiting + pending + resolved + failed + skipped).toBe(total)
      return { total, waiting, pending, resolved, failed, skipped }
    }
    const none = { waiting: 0, pending: 0, resolved: 0, failed: 0, skipped: 0 }

    describe('a redrive task', () => {
      test('has the matching dead letters, and begins with none sent', async () => {
        await dead(3)
        const task = await create({ fingerprint: 'f1' })
        expect(task).toEqual({
          id: 'task',
          state: 'running',
          why: null,
          createdAt: at(0),
          updatedAt: at(0),
          operator: 'Kim',
          reason: 'mended',
          ratePerSecond: 100,
          step: 0,
          total: 3,
          ...none,
          waiting: 3,
          lastStep: { sent: 0, pending: 0, retrying: 0, failed: 0 },
        })
        expect(await opened.redriveTasks.get('task')).toEqual(task)
        expect(await opened.redriveTasks.get('another')).toBeUndefined()
      })

      test.each([
        ['a fingerprint', { fingerprint: 'f2' }, 2],
        ['a code', { code: 'constraint-violated' }, 5],
        ['a time', { from: actAt(10).at }, 2],
        ['everything', {}, 5],
        ['names, each once', { ids: ['orders:0:0', 'orders:0:1', 'orders:0:1'] }, 2],
      ])('has letters by %s', async (_, letters, total) => {
        await dead(3)
        const others = [orderAt(3), orderAt(4)]
        const lastFailedAt = actAt(20).at
        await opened.deadLetters.keep(others.map((order) => letterOf(order, { fingerprint: 'f2', lastFailedAt })))
        expect(await create(letters)).toMatchObject({ total, waiting: total })
      })

      test('has all matching letters, however many, in the order of keeping', async () => {
        const orders = Array.from({ length: 1100 }, (_, offset) => orderAt(offset))
        for (const from of [0, 500, 1000]) {
          await opened.deadLetters.keep(orders.slice(from, from + 500).map((order) => letterOf(order)))
        }
        expect(await create({ fingerprint: 'f1' })).toMatchObject({ state: 'running', total: 1100, waiting: 1100 })
        expect(await lease()).toMatchObject({ total: 1100 })
        expect(await claim(2)).toEqual(orders.slice(0, 2).map(letterIdOf))
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toHaveLength(1)
      })

      test('refuses an invalid name, and an empty selection; neither leaves anything behind', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await expect(create({ ids: [letterIdOf(order), 'orders:0:9'] })).rejects.toMatchObject({
          code: 'dead-letter-not-found',
        })
        await expect(create({ ids: ['nonsense'] })).rejects.toMatchObject({ code: 'dead-letter-not-found' })
        await expect(create({ fingerprint: 'another' })).rejects.toMatchObject({ code: 'conflict' })
        await opened.redriveTasks.discard(letterIdOf(order), actAt(0, { reason: 'no use' }))
        await expect(create({ ids: [letterIdOf(order)] })).rejects.toMatchObject({ code: 'conflict' })
        expect(await opened.redriveTasks.get('task')).toBeUndefined()
        expect((await opened.redriveTasks.audit({ limit: 9 })).items).toHaveLength(1)
      })

      test('counts a letter named by id that is not dead as skipped', async () => {
        const [one, other] = (await dead(2)) as [OrderToStore, OrderToStore]
        await opened.redriveTasks.discard(letterIdOf(other), actAt(0, { reason: 'no use' }))
        await create({ ids: [letterIdOf(one), letterIdOf(other)] })
        expect(await progress()).toEqual({ ...none, total: 2, waiting: 1, skipped: 1 })
      })

      test('returns its letters in the order of keeping, byte for byte', async () => {
        const orders = await dead(4)
        await create()
        await lease()
        const letters = await opened.redriveTasks.claim('task', 'one', 3)
        expect(letters.map(({ id }) => id)).toEqual(orders.slice(0, 3).map(letterIdOf))
        expect(letters[0]).toEqual(await opened.deadLetters.get('orders:0:0'))
      })

      test('takes at most 8 MB at once, and always at least one letter', async () => {
        const orders = [orderAt(0), orderAt(1), orderAt(2)]
        const value = Buffer.alloc(5 * 1024 * 1024)
        await opened.deadLetters.keep(orders.map((order) => letterOf(order, { value })))
        await create()
        await lease()
        expect(await claim(3)).toEqual(['orders:0:0'])
      })

      test('counts outcomes, not sends', async () => {
        const orders = await dead(3)
        const [first, second] = orders as [OrderToStore, OrderToStore]
        await create()
        await lease()
        await claim(2)
        expect(await progress()).toEqual({ ...none, total: 3, waiting: 3 })
        await markSent([first, second])
        expect(await progress()).toEqual({ ...none, total: 3, waiting: 1, pending: 2 })
        await stored([again(first, 3)])
        expect(await progress()).toEqual({ ...none, total: 3, waiting: 1, pending: 1, resolved: 1 })
        const back = again(second, 4)
        const diedAgain = parkedFrom(back, { state: 'dead', nextAttemptAt: null, redriveOf: letterIdOf(second) })
        await opened.store.storeBatch(batchOf([], { parked: [diedAgain] }))
        await opened.deadLetters.keep([letterOf(back, { redriveOf: letterIdOf(second) })])
        expect(await progress()).toEqual({ ...none, total: 3, waiting: 1, resolved: 1, failed: 1 })
        expect(await opened.redriveTasks.get('task')).toMatchObject({
          step: 1,
          lastStep: { sent: 2, pending: 0, retrying: 0, failed: 1 },
        })
        expect([await stateOf(first), await stateOf(second), await stateOf(back)]).toEqual([
          'resolved',
          'superseded',
          'dead',
        ])
      })

      test('reports which pending letters are being retried', async () => {
        const [order] = (await dead(2)) as [OrderToStore]
        await create()
        await lease()
        await claim(1)
        await markSent([order])
        await opened.store.storeBatch(
          batchOf([], { parked: [parkedFrom(again(order, 2), { redriveOf: letterIdOf(order) })] }),
        )
        expect(await opened.redriveTasks.get('task')).toMatchObject({
          pending: 1,
          lastStep: { sent: 1, pending: 1, retrying: 1, failed: 0 },
        })
      })

      test('skips letters that were discarded, redriven or edited before their turn', async () => {
        const orders = await dead(4)
        const [discarded, edited, elsewhere, left] = orders.map(letterIdOf) as [string, string, string, string]
        await create()
        await create({ ids: [elsewhere] }, 'another')
        await opened.redriveTasks.discard(discarded, actAt(1, { reason: 'no use' }))
        await opened.redriveTasks.recordEdit(edited, Buffer.from('{}'), actAt(1))
        await opened.redriveTasks.markEdited(edited, actAt(1))
        await opened.redriveTasks.markSent('another', [elsewhere], at(1))
        await lease()
        expect(await claim(9)).toEqual([left])
        expect(await progress()).toEqual({ ...none, total: 4, waiting: 1, skipped: 3 })
      })

      test('skips a letter that was discarded between noting and sending', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await create()
        await lease()
        await claim(1)
        await opened.redriveTasks.discard(letterIdOf(order), actAt(1, { reason: 'no use' }))
        expect(await progress()).toEqual({ ...none, total: 1, skipped: 1 })
      })
    })

    describe('a lease', () => {
      test('belongs to one process at a time, and to another when it expires', async () => {
        await dead(1)
        await create()
        expect(await lease('one', 0)).toMatchObject({ id: 'task' })
        expect(await lease('two', LEASE_MS - 1)).toBeUndefined()
        expect(await claim(1, 'two')).toEqual([])
        expect(await lease('two', LEASE_MS)).toMatchObject({ id: 'task' })
        expect(await claim(1, 'one')).toEqual([])
        expect(await claim(1, 'two')).toHaveLength(1)
      })

      test('is granted again to its own holder that failed to release it', async () => {
        await dead(1)
        await create()
        await lease('one', 0)
        expect(await lease('one', 1)).toMatchObject({ id: 'task' })
      })

      test('ends when it is released, and the task is due again', async () => {
        await dead(1)
        await create()
        await lease('one', 0)
        await opened.redriveTasks.release('task', 'one', { dueMs: 50, at: at(0) })
        expect(await lease('two', 49)).toBeUndefined()
        expect(await lease('two', 50)).toMatchObject({ id: 'task' })
      })

      test('that passed to another owner cannot be ended by the previous one', async () => {
        await dead(1)
        await create()
        await lease('one', 0)
        await lease('two', LEASE_MS)
        await opened.redriveTasks.release('task', 'one', { dueMs: 0, at: at(0), ending: { state: 'done' } })
        expect(await opened.redriveTasks.get('task')).toMatchObject({ state: 'running' })
        expect(await lease('three', LEASE_MS)).toBeUndefined()
      })

      test('goes to the task that has been due longest', async () => {
        await dead(1)
        await create({}, 'task')
        await create({}, 'another')
        const first = await lease('one', 0)
        const second = await lease('two', 0)
        expect(new Set([first?.id, second?.id])).toEqual(new Set(['another', 'task']))
        await opened.redriveTasks.release('task', first?.id === 'task' ? 'one' : 'two', { dueMs: 20, at: at(0) })
        await opened.redriveTasks.release('another', first?.id === 'task' ? 'two' : 'one', { dueMs: 10, at: at(0) })
        expect(await lease('one', 30)).toMatchObject({ id: 'another' })
      })

      test('of a process that died in mid-step: its letters are sent again first', async () => {
        const orders = await dead(6)
        const [first, ...others] = orders as [OrderToStore, ...OrderToStore[]]
        await create()
        await lease('one', 0)
        const noted = await claim(3, 'one')
        await markSent([first])
        await lease('two', LEASE_MS)
        expect(await claim(9, 'two')).toEqual(noted.slice(1))
        expect(await opened.redriveTasks.get('task')).toMatchObject({ step: 1 })
        await markSent(others.slice(0, 2))
        expect(await claim(9, 'two')).toEqual(orders.slice(3).map(letterIdOf))
        expect(await opened.redriveTasks.get('task')).toMatchObject({ step: 2 })
      })

      test('of a process that died after sending: letters stored meanwhile are resolved, not sent again', async () => {
        const [order] = (await dead(1)) as [OrderToStore]
        await create()
        await lease('one', 0)
        await claim(1, 'one')
        await stored([again(order, 1)])
        expect(await progress()).toEqual({ ...none, total: 1, resolved: 1 })
        await lease('two', LEASE_MS)
        expect(await claim(1, 'two')).toEqual([])
      })

      test('is given to one of several that ask at once', async () => {
        await dead(1)
        await create()
        const given = await Promise.all(Array.from({ length: 10 }, (_, owner) => lease(`owner ${owner}`)))
        expect(given.filter((task) => task !== undefined)).toHaveLength(1)
      })
    })

    describe('a list of tasks', () => {
      test('has the newest first, page by page, each equal to the task read alone', async () => {
        expect(await opened.redriveTasks.list({ limit: 2 })).toEqual({ items: [], nextCursor: null })
        const ids = ['b', 'a', 'c']
        for (const [index, id] of ids.entries()) {
          await dead(index + 1, index * 10)
          await create({}, id)
        }
        await opened.redriveTasks.change('a', 'cancelled', actAt(1))
        const first = await opened.redriveTasks.list({ limit: 2 })
        expect(first.items).toEqual([await opened.redriveTasks.get('c'), await opened.redriveTasks.get('a')])
        expect(first.items).toMatchObject([{ total: 6 }, { state: 'cancelled', total: 3 }])
        const cursor = String(first.nextCursor)
        const second = await opened.redriveTasks.list({ limit: 2, cursor })
        expect(second).toEqual({ items: [await opened.redriveTasks.get('b')], nextCursor: null })
        expect((await opened.redriveTasks.list({ limit: 3 })).nextCursor).toBeNull()
        await expect(opened.redriveTasks.list({ limit: 2, cursor: 'none' })).rejects.toMatchObject({
          code: 'invalid-request',
        })
      })
    })

    describe('the end of a task', () => {
      test.each([
        [{ state: 'done' } as const, null, []],
        [{ state: 'stopped', why: 'Half of them died again.' } as const, 'Half of them died again.', ['stop']],
      ])('%j is final for its process', async (ending, why, actions) => {
        await dead(1)
        await create()
        await lease()
        await opened.redriveTasks.release('task', 'one', { dueMs: 0, at: at(3), ending })
        expect(await opened.redriveTasks.get('task')).toMatchObject({ state: ending.state, why, updatedAt: at(3) })
        expect(await lease('one', 1e6)).toBeUndefined()
        expect(await claim(1)).toEqual([])
        const { items } = await opened.redriveTasks.audit({ limit: 9 })
        expect(items.map(({ action }) => action)).toEqual([...actions, 'redrive'])
      })

      test('a cancelled task stays cancelled, even in mid-step', async () => {
        await dead(2)
        await create()
        await lease()
        const cancelled = await opened.redriveTasks.change('task', 'cancelled', actAt(1))
        expect(cancelled).toMatchObject({ state: 'cancelled', updatedAt: at(1) })
        expect(await claim(1)).toEqual([])
        const ending = { state: 'stopped', why: 'It would have stopped.' } as const
        await opened.redriveTasks.release('task', 'one', { dueMs: 0, at: at(2), ending })
        expect(await opened.redriveTasks.get('task')).toMatchObject({ state: 'cancelled', why: null })
        expect(await lease('one', 1e6)).toBeUndefined()
        expect((await opened.redriveTasks.audit({ limit: 9 })).items.map(({ action }) => action)).toEqual([
          'cancel',
          'redrive',
        ])
      })

      test('a resumed task begins again with a step of one, and earlier sends still count', async () => {
        const orders = await dead(4)
        await create()
        await lease()
        await claim(3)
        await markSent(orders.slice(0, 2))
        await opened.redriveTasks.change('task', 'cancelled', actAt(1))
        const resumed = await opened.redriveTasks.change('task', 'running', actAt(2))
        expect(resumed).toMatchObject({ state: 'running', step: 0, why: null, lastStep: { sent: 0, pending: 0 } })
        expect(await progress()).toEqual({ ...none, total: 4, waiting: 2, pending: 2 })
        await lease('one', LEASE_MS)
        expect(await claim(9)).toEqual(orders.slice(2).map(letterIdOf))
      })

      test('an operator cannot cancel a task that is not running, nor resume one that is running or done', async () => {
        await dead(1)
        await create()
        const change = (to: 'cancelled' | 'running', id = 'task') => opened.redriveTasks.change(id, to, actAt(1))
        await expect(change('running')).rejects.toMatchObject({ code: 'conflict' })
        await change('cancelled')
        await expect(change('cancelled')).rejects.toMatchObject({ code: 'conflict' })
        await change('running')
        await lease('one', LEASE_MS)
        await opened.redriveTasks.release('task', 'one', { dueMs: 0, at: at(2), ending: { state: 'done' } })
        await expect(change('running')).rejects.toMatchObject({ code: 'conflict' })
        await expect(change('cancelled', 'another')).rejects.toMatchObject({ code: 'not-found' })
      })
    })
  })
}
