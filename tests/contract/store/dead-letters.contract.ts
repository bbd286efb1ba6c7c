import { describe, expect, test } from 'vitest'
import type { DeadLetterQuery } from '../../../shared/ports/dead-letters.ts'
import {
  ACCEPTED_AT,
  actAt,
  allPages,
  batchOf,
  CAUSE,
  FAILED_ELSEWHERE,
  foreignLetterOf,
  GROUP,
  LATER,
  letterIdOf,
  letterOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

const STACK = 'Error: x\n    at f (file:///app/shared/a.ts:3:1)'

/** What every adapter for `DeadLetters` guarantees. */
export function deadLettersContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a dead-letter store`, () => {
    const opened = openForEachTest(open)

    /** Lists all letters that match, and expects the count to agree. */
    const listed = async (query: Partial<DeadLetterQuery> = {}) => {
      const letters = await allPages((page) => opened.deadLetters.list({ limit: 2, ...query, ...page }))
      expect(await opened.deadLetters.count(query)).toBe(letters.length)
      return letters.map(({ id }) => id)
    }

    test('keeps every byte of key, value and headers, even invalid ones', async () => {
      const bytes = new Uint8Array(Array.from({ length: 256 }, (_, byte) => byte))
      const letter = letterOf(orderAt(0), {
        orderId: null,
        key: bytes,
        value: new Uint8Array([0xff, 0xfe, 0, 0xed, 0xa0, 0x80]),
        headers: [
          ['twice', bytes],
          ['twice', null],
          ['', new Uint8Array()],
        ],
        stack: 'TypeError: x is undefined\n    at y',
      })
      await opened.deadLetters.keep([letter])
      const kept = await opened.deadLetters.get('orders:0:0')
      const { keptAt, ...rest } = kept!
      expect(rest).toEqual({ ...letter, id: 'orders:0:0', state: 'dead', editedValue: null })
      expect(keptAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    })

    test('keeps letters of several logs at one position side by side', async () => {
      const [first, second] = [letterOf(orderAt(0)), letterOf(orderAt(0))]
      const unreadable = (recordTimestamp: number) => letterOf(orderAt(0), { orderId: null, recordTimestamp })
      const letters = [first, second, unreadable(1000), unreadable(2000)]
      const ids = ['orders:0:0', 'orders@2:0:0', 'orders@3:0:0', 'orders@4:0:0']
      await opened.deadLetters.keep([first])
      await opened.deadLetters.keep(letters)
      await opened.deadLetters.keep(letters.toReversed())
      expect((await listed()).toSorted()).toEqual(ids.toSorted())
      for (const [index, letter] of letters.entries()) {
        const { orderId, recordTimestamp, origin } = letter
        expect(await opened.deadLetters.get(ids[index]!)).toMatchObject({ orderId, recordTimestamp, origin })
      }
      for (const letter of [first, second]) {
        expect(await opened.views.get(letter.orderId!)).toMatchObject({ status: 'dead-lettered' })
      }
    })

    test('keeps all letters at one position that several instances add at once', async () => {
      const letters = Array.from({ length: 5 }, (_, n) => letterOf(orderAt(0), { orderId: null, recordTimestamp: n }))
      await Promise.all([...letters, ...letters].map((letter) => opened.deadLetters.keep([letter])))
      const { items } = await opened.deadLetters.list({ limit: 10 })
      expect(new Set(items.map(({ recordTimestamp }) => recordTimestamp))).toEqual(new Set([0, 1, 2, 3, 4]))
      expect(items).toHaveLength(5)
    })

    test('is not resolved by another order that is stored from its position', async () => {
      const [dead, other] = [orderAt(0), orderAt(0)]
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(dead, { state: 'dead', nextAttemptAt: null })] }))
      await opened.deadLetters.keep([letterOf(dead)])
      await opened.store.storeBatch(batchOf([other]))
      expect(await opened.deadLetters.get('orders:0:0')).toMatchObject({ state: 'dead' })
    })

    test('from a later log is discarded, redriven and resolved by its own id', async () => {
      const [first, second] = [orderAt(0), orderAt(0)]
      await opened.deadLetters.keep([letterOf(first), letterOf(second)])
      await opened.redriveTasks.discard('orders@2:0:0', actAt(1))
      expect(await opened.deadLetters.get('orders@2:0:0')).toMatchObject({ state: 'discarded' })
      await opened.redriveTasks.restore('orders@2:0:0', actAt(2))
      const redriven = { ...second, origin: place(7), redriveOf: 'orders@2:0:0' }
      await opened.store.storeBatch(batchOf([redriven]))
      expect(await opened.deadLetters.get('orders@2:0:0')).toMatchObject({ state: 'resolved' })
      expect(await opened.deadLetters.get('orders:0:0')).toMatchObject({ state: 'dead' })
    })

    test('an unreadable letter of an earlier log, once discarded, does not stop an order of a later log from being stored', async () => {
      const order = orderAt(0)
      await opened.deadLetters.keep([letterOf(order, { orderId: null })])
      await opened.redriveTasks.discard('orders:0:0', actAt(1))
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order)] }))
      expect((await opened.store.storeBatch(batchOf([order]))).outcomes).toEqual([{ kind: 'stored' }])
      expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'stored' })
    })

    test('from a later log stays discarded when its record is delivered again', async () => {
      const [first, second] = [orderAt(0), orderAt(0)]
      await opened.deadLetters.keep([letterOf(first), letterOf(second)])
      await opened.redriveTasks.discard('orders@2:0:0', actAt(1))
      const epoch = { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next: 1 }] }
      await opened.maintenance.resetLedger(GROUP, epoch, actAt(2))
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(second)] }))
      expect((await opened.ledger.read(GROUP, 'orders', 1)).parked).toMatchObject({ discarded: 1, retrying: 0 })
      expect((await opened.store.storeBatch(batchOf([second]))).outcomes).toEqual([{ kind: 'withheld' }])
    })

    test('an order that dies at a position where another was parked is reported too', async () => {
      const [earlier, later] = [orderAt(0), orderAt(0)]
      const park = (order: typeof earlier) =>
        opened.store.storeBatch(batchOf([], { parked: [parkedFrom(order, { state: 'dead', nextAttemptAt: null })] }))
      await park(earlier)
      await park(later)
      for (const { orderId } of [earlier, later]) {
        expect(await opened.views.get(orderId)).toMatchObject({ status: 'dead-lettered' })
      }
    })

    test('keeps a record with neither key nor value, and malformed headers', async () => {
      const letter = letterOf(orderAt(0), {
        orderId: null,
        key: null,
        value: null,
        headers: [],
        attempts: 1e16,
        firstFailedAt: 'yesterday',
        lastFailedAt: '',
        recordTimestamp: 1e16,
        consumerGroup: '',
        redriveOf: 'nonsense',
      })
      await opened.deadLetters.keep([letter])
      const kept = await opened.deadLetters.get('orders:0:0')
      expect(kept).toMatchObject({ key: null, value: null, headers: [], redriveOf: 'nonsense' })
      expect(kept?.firstFailedAt).toBe(kept?.keptAt)
    })

    test.each([-(2 ** 63), -1, 1_790_000_000_000_000, 2 ** 63])(
      'keeps a letter whose record has the impossible timestamp %d',
      async (recordTimestamp) => {
        const order = orderAt(0)
        await opened.deadLetters.keep([letterOf(order, { recordTimestamp })])
        const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number
        expect(await opened.deadLetters.get('orders:0:0')).toMatchObject({
          recordTimestamp: Math.max(MIN_SAFE_INTEGER, Math.min(recordTimestamp, MAX_SAFE_INTEGER)),
        })
        expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'dead-lettered', acceptedAt: LATER })
      },
    )

    test('a letter whose origin is already known is left as it is', async () => {
      const order = orderAt(0)
      await opened.deadLetters.keep([letterOf(order), letterOf(order, { attempts: 9 })])
      await opened.deadLetters.keep([letterOf(order, { attempts: 9, value: null })])
      expect(await opened.deadLetters.get(letterIdOf(order))).toMatchObject({ attempts: 4 })
      expect((await opened.deadLetters.get(letterIdOf(order)))?.value).not.toBeNull()
      expect(await listed()).toHaveLength(1)
    })

    test('a malformed or unknown id returns undefined', async () => {
      for (const id of ['', 'x', 'orders:0', 'orders:0:0', 'orders:0:-1', 'orders:0:1e3', ':0:0']) {
        expect(await opened.deadLetters.get(id)).toBeUndefined()
      }
    })

    test('its order is dead-lettered unless it is stored', async () => {
      const [lost, stored] = [orderAt(0), orderAt(1)]
      await opened.store.storeBatch(batchOf([stored], { delivered: 'copy' }))
      await opened.deadLetters.keep([letterOf(lost), letterOf({ ...stored, origin: place(2) })])
      expect(await opened.views.get(lost.orderId)).toMatchObject({
        status: 'dead-lettered',
        acceptedAt: ACCEPTED_AT,
        cause: { code: 'constraint-violated' },
        updatedAt: LATER,
      })
      expect((await opened.views.get(stored.orderId))?.status).toBe('stored')
      expect((await opened.deadLetters.get('orders:0:2'))?.state).toBe('dead')
    })

    test('a letter whose own record was stored meanwhile is resolved', async () => {
      const order = orderAt(0)
      await opened.store.storeBatch(batchOf([order]))
      await opened.deadLetters.keep([letterOf(order)])
      expect((await opened.deadLetters.get(letterIdOf(order)))?.state).toBe('resolved')
    })

    test.each(['the letter first', 'the ledger first'])('its failure is reported once, %s', async (sequence) => {
      const order = orderAt(0)
      const dead = parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null })
      const steps = [
        () => opened.deadLetters.keep([letterOf(order)]),
        () => opened.store.storeBatch(batchOf([], { parked: [dead], now: LATER })),
      ]
      for (const step of sequence === 'the letter first' ? steps : steps.toReversed()) await step()
      expect((await opened.views.history(order.orderId))?.map(({ kind }) => kind)).toEqual([
        'accepted',
        'dead-lettered',
      ])
      expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'dead-lettered', customerName: 'Alex' })
      const { parked, partitions } = await opened.ledger.read(GROUP, 'orders', 0)
      expect(parked).toMatchObject({ dead: 1 })
      expect(partitions).toMatchObject([{ parked: 1, next: 1 }])
    })

    test('a letter of another consumer is kept as its headers describe it, and found by its owner', async () => {
      const order = orderAt(0)
      const letter = foreignLetterOf(order, 7, { key: null, value: null, headers: [] })
      await opened.deadLetters.keep([letterOf(orderAt(1)), letter])
      const { keptAt: _, ...kept } = (await opened.deadLetters.get('orders-dlt:0:7'))!
      expect(kept).toEqual({ ...letter, id: 'orders-dlt:0:7', state: 'dead', editedValue: null })
      expect(await listed({ foreign: true })).toEqual(['orders-dlt:0:7'])
      expect(await listed({ foreign: false, state: 'dead' })).toEqual(['orders:0:1'])
      const { items } = await opened.deadLetters.groups({ limit: 5, state: 'dead' })
      expect(
        items.map(({ cause, consumerGroup, foreignDialect }) => [cause.code, consumerGroup, foreignDialect]),
      ).toEqual([
        ['constraint-violated', GROUP, null],
        [FAILED_ELSEWHERE.code, 'billing', 'spring'],
      ])
    })

    test('a letter of another consumer changes neither an order nor the ledger, whatever it claims to be', async () => {
      const [waiting, stored] = [orderAt(0), orderAt(1)]
      await opened.store.storeBatch(batchOf([stored], { delivered: 'copy' }))
      const before = await opened.ledger.read(GROUP, 'orders', 0)
      await opened.deadLetters.keep([
        foreignLetterOf(waiting, 0, { consumerGroup: GROUP }),
        foreignLetterOf(stored, 1, { redriveOf: letterIdOf(waiting) }),
      ])
      expect(await opened.views.get(waiting.orderId)).toBeUndefined()
      expect(await opened.views.history(waiting.orderId)).toBeUndefined()
      expect((await opened.views.get(stored.orderId))?.status).toBe('stored')
      expect(await opened.ledger.read(GROUP, 'orders', 0)).toEqual(before)
    })

    test('a redrive that dies again replaces the letter that was redriven', async () => {
      const order = orderAt(0)
      const again = { ...order, origin: place(1) }
      await opened.store.storeBatch(
        batchOf([], { parked: [parkedFrom(order, { state: 'dead', nextAttemptAt: null })] }),
      )
      await opened.deadLetters.keep([letterOf(order)])
      await opened.deadLetters.keep([letterOf(again, { redriveOf: letterIdOf(order) })])
      expect((await opened.deadLetters.get('orders:0:0'))?.state).toBe('superseded')
      expect((await opened.deadLetters.get('orders:0:1'))?.state).toBe('dead')
      expect((await opened.ledger.read(GROUP, 'orders', 0)).parked).toMatchObject({ redriven: 1, dead: 0 })
    })

    test('the list is newest first, with any filter, without payloads', async () => {
      const orders = Array.from({ length: 5 }, (_, offset) => orderAt(offset))
      const other = { fingerprint: 'f2', lastCause: CAUSE, lastFailedAt: NOW }
      await opened.deadLetters.keep(orders.map((order, index) => letterOf(order, index % 2 === 0 ? {} : other)))
      const ids = (...offsets: readonly number[]) => offsets.map((offset) => `orders:0:${offset}`)
      expect(await listed()).toEqual(ids(4, 3, 2, 1, 0))
      expect(await listed({ fingerprint: 'f2' })).toEqual(ids(3, 1))
      expect(await listed({ code: CAUSE.code })).toEqual(ids(3, 1))
      expect(await listed({ state: 'dead', fingerprint: 'f1' })).toEqual(ids(4, 2, 0))
      expect(await listed({ state: 'discarded' })).toEqual([])
      expect(await listed({ orderId: orders[2]!.orderId })).toEqual(ids(2))
      expect(await listed({ from: LATER })).toEqual(ids(4, 2, 0))
      expect(await listed({ from: NOW, to: LATER })).toEqual(ids(3, 1))
      const { items, nextCursor } = await opened.deadLetters.list({ limit: 1 })
      expect(Object.keys(items[0] ?? {})).not.toEqual(expect.arrayContaining(['value']))
      await expect(
        opened.deadLetters.list({ limit: 1, state: 'dead', cursor: nextCursor ?? '' }),
      ).rejects.toMatchObject({ code: 'invalid-request' })
    })

    test('groups count letters with the same failure, the most recent first', async () => {
      const at = (second: number) => new Date(Date.parse(NOW) + second * 1000).toISOString()
      const letters = [
        letterOf(orderAt(0), { fingerprint: 'old', firstFailedAt: at(0), lastFailedAt: at(1) }),
        letterOf(orderAt(1), { fingerprint: 'new', firstFailedAt: at(2), lastFailedAt: at(3) }),
        letterOf(orderAt(2), {
          fingerprint: 'new',
          firstFailedAt: at(4),
          lastFailedAt: at(9),
          lastCause: CAUSE,
          stack: STACK,
        }),
        letterOf(orderAt(3), { fingerprint: 'also old', firstFailedAt: at(0), lastFailedAt: at(1) }),
      ]
      await opened.deadLetters.keep(letters)
      const groups = await allPages((page) => opened.deadLetters.groups({ limit: 1, ...page }))
      expect(groups.map(({ fingerprint, count }) => [fingerprint, count])).toEqual([
        ['new', 2],
        ['also old', 1],
        ['old', 1],
      ])
      expect(groups[0]).toEqual({
        fingerprint: 'new',
        cause: CAUSE,
        exception: 'Error: x at f shared/a.ts:3',
        consumerGroup: GROUP,
        foreignDialect: null,
        count: 2,
        firstSeen: at(2),
        lastSeen: at(9),
        sampleId: 'orders:0:2',
      })
      expect((await opened.deadLetters.groups({ limit: 5, state: 'dead' })).items).toHaveLength(3)
      expect((await opened.deadLetters.groups({ limit: 5, state: 'resolved' })).items).toEqual([])
    })
  })
}
