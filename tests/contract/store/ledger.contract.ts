import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LossCause } from '../../../shared/ports/ledger.ts'
import {
  actAt,
  batchOf,
  GROUP,
  lineOf,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** What every adapter for `Ledger` guarantees, together with the `OrderStore` that writes it. */
export function ledgerContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as a ledger`, () => {
    const opened = openForEachTest(open)

    const deliver = (offsets: readonly number[], changes: Parameters<typeof batchOf>[1] = {}) =>
      opened.store.storeBatch(
        batchOf(
          offsets.map((offset) => orderAt(offset)),
          changes,
        ),
      )
    const read = (maxGaps = 100) => opened.ledger.read(GROUP, 'orders', maxGaps)

    test('a group that has counted nothing has no rows', async () => {
      expect(await read()).toEqual({
        partitions: [],
        gaps: [],
        lost: [],
        logs: [],
        parked: { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 },
        waiting: 0,
      })
    })

    test('each partition has its row, in order, and each group has its own', async () => {
      const orders = [orderAt(0, { origin: place(0, 2) }), orderAt(0, { origin: place(0, 0) })]
      await opened.store.storeBatch(batchOf(orders))
      await opened.store.storeBatch(batchOf(orders, { groupId: 'another' }))
      const { partitions } = await read()
      expect(partitions.map(({ partition, next, stored }) => ({ partition, next, stored }))).toEqual([
        { partition: 0, next: 1, stored: 1 },
        { partition: 2, next: 1, stored: 1 },
      ])
      expect((await opened.ledger.read('another', 'orders', 0)).partitions).toHaveLength(2)
    })

    test('the figures are those of one topic, although the group has read another topic before', async () => {
      const before = batchOf([orderAt(2, { origin: { topic: 'orders-of-2025', partition: 0, offset: 2 } })], {
        parked: [parkedFrom(orderAt(3, { origin: { topic: 'orders-of-2025', partition: 0, offset: 3 } }))],
      })
      await opened.store.storeBatch(before)
      await opened.ledger.begin(GROUP, 'orders-of-2025', new Map([[1, 0]]), 'its log')
      await opened.ledger.settle(GROUP, [
        { topic: 'orders-of-2025', partition: 0, from: 0, to: 1, lostBy: 'log-start' },
      ])
      const unread = await opened.ledger.read(GROUP, 'orders-of-2025', 9)
      expect(unread.partitions).toHaveLength(2)
      expect([unread.logs.length, unread.gaps.length, unread.lost.length, unread.parked.retrying]).toEqual([1, 1, 1, 1])

      await deliver([0])
      expect(await read()).toMatchObject({
        partitions: [{ topic: 'orders', stored: 1, parked: 0, gaps: 0 }],
        gaps: [],
        lost: [],
        logs: [],
        parked: { retrying: 0 },
      })
    })

    test('a skipped offset is a gap before, between and inside batches', async () => {
      await deliver([2, 3, 6])
      await deliver([9])
      const snapshot = await read()
      expect(lineOf(snapshot)).toMatchObject({ first: 0, next: 10, stored: 4, gaps: 6, balanced: true })
      expect(snapshot.gaps.map(({ from, to }) => [from, to])).toEqual([
        [0, 2],
        [4, 6],
        [7, 9],
      ])
      expect((await read(2)).gaps).toHaveLength(2)
    })

    test('a log that begins after 0 has no gap before its beginning', async () => {
      const beginAt = (start: number) => opened.ledger.begin(GROUP, 'orders', new Map([[0, start]]), null)
      await beginAt(10)
      await deliver([12])
      expect(lineOf(await read())).toMatchObject({ first: 10, next: 13, stored: 1, gaps: 2, balanced: true })
      await beginAt(11)
      await deliver([13])
      expect(lineOf(await read())).toMatchObject({ first: 10, next: 14 })
    })

    test('begins once, where the log begins, and leaves earlier counts alone', async () => {
      await deliver([0, 1])
      await opened.ledger.begin(
        GROUP,
        'orders',
        new Map([
          [0, 5],
          [1, 7],
        ]),
        null,
      )
      await opened.ledger.begin(GROUP, 'orders', new Map([[1, 9]]), null)
      const snapshot = await read()
      expect(lineOf(snapshot)).toMatchObject({ first: 0, next: 2, stored: 2, gaps: 0, balanced: true })
      expect(lineOf(snapshot, 1)).toMatchObject({ first: 7, next: 7, stored: 0, balanced: true })
      await opened.store.storeBatch(batchOf([orderAt(0, { origin: place(9, 1) })]))
      expect(lineOf(await read(), 1)).toMatchObject({ first: 7, next: 10, stored: 1, gaps: 2, balanced: true })
    })

    test('skipped offsets are settled as absent or lost, and only new ones are reported', async () => {
      await deliver([4, 9])
      const settle = (from: number, to: number, lostBy: LossCause | null) =>
        opened.ledger.settle(GROUP, [{ topic: 'orders', partition: 0, from, to, lostBy }])
      expect(await settle(6, 8, null)).toEqual([])
      expect(await settle(0, 3, 'log-start')).toEqual([
        { topic: 'orders', partition: 0, from: 0, to: 3, lostBy: 'log-start' },
      ])
      expect(await settle(0, 3, 'log-start')).toEqual([])
      // An offset that was counted does not become lost, even if it is reported as lost.
      expect(await settle(2, 5, 'hole')).toEqual([{ topic: 'orders', partition: 0, from: 3, to: 4, lostBy: 'hole' }])
      const snapshot = await read()
      expect(lineOf(snapshot)).toMatchObject({ next: 10, stored: 2, gaps: 2, absent: 2, lost: 4, balanced: true })
      expect(snapshot.gaps.map(({ from, to }) => [from, to])).toEqual([
        [5, 6],
        [8, 9],
      ])
      expect(snapshot.lost.map(({ from, to, lostBy }) => [from, to, lostBy])).toEqual([
        [0, 3, 'log-start'],
        [3, 4, 'hole'],
      ])
      expect((await read(1)).lost).toHaveLength(1)
    })

    test('offsets lost directly after the last counted offset are skipped at once', async () => {
      await deliver([0])
      const lost = { topic: 'orders', partition: 0, from: 1, to: 5, lostBy: 'log-start' as const }
      expect(await opened.ledger.settle(GROUP, [lost])).toEqual([lost])
      expect(lineOf(await read())).toMatchObject({ next: 5, stored: 1, gaps: 0, lost: 4, balanced: true })
      await deliver([5])
      expect(lineOf(await read())).toMatchObject({ next: 6, stored: 2, gaps: 0, lost: 4, balanced: true })
    })

    test('a record that was fetched before the log lost it still counts', async () => {
      await deliver([0])
      await opened.ledger.settle(GROUP, [{ topic: 'orders', partition: 0, from: 1, to: 5, lostBy: 'log-start' }])
      await deliver([2])
      const snapshot = await read()
      expect(lineOf(snapshot)).toMatchObject({ next: 5, stored: 2, gaps: 0, lost: 3, balanced: true })
      expect(snapshot.lost.map(({ from, to }) => [from, to])).toEqual([
        [1, 2],
        [3, 5],
      ])
    })

    test('the ledger keeps the id of the log that was recorded first, and a break stays recorded', async () => {
      const logs = async () => (await read()).logs
      await opened.ledger.begin(GROUP, 'orders', new Map(), null)
      expect(await logs()).toEqual([{ topic: 'orders', id: null, brokenBy: null }])
      await opened.ledger.begin(GROUP, 'orders', new Map(), 'one')
      await opened.ledger.begin(GROUP, 'orders', new Map(), 'another')
      expect(await opened.ledger.markBroken(GROUP, 'orders', 'replaced')).toBe(true)
      expect(await opened.ledger.markBroken(GROUP, 'orders', 'truncated')).toBe(false)
      expect(await logs()).toEqual([{ topic: 'orders', id: 'one', brokenBy: 'replaced' }])
      const epoch = { topic: 'orders', logId: 'another', partitions: [{ partition: 0, first: 0, next: 0 }] }
      await opened.maintenance.resetLedger(GROUP, epoch, actAt(1))
      expect(await logs()).toEqual([{ topic: 'orders', id: 'another', brokenBy: null }])
    })

    test('adjacent ranges merge unless their outcomes differ', async () => {
      const epoch = { topic: 'orders', logId: null, partitions: [{ partition: 0, first: 0, next: 4 }] }
      await opened.maintenance.resetLedger(GROUP, epoch, actAt(1))
      await deliver([2, 9])
      const gaps = async () => (await read()).gaps.map(({ from, to }) => [from, to])
      expect(await gaps()).toEqual([
        [0, 2],
        [3, 9],
      ])
      const settle = (from: number, to: number, lostBy: LossCause) =>
        opened.ledger.settle(GROUP, [{ topic: 'orders', partition: 0, from, to, lostBy }])
      await settle(3, 4, 'hole')
      await settle(6, 7, 'log-start')
      await settle(4, 6, 'log-start')
      await settle(7, 8, 'hole')
      const snapshot = await read()
      expect(snapshot.lost.map(({ from, to, lostBy }) => [from, to, lostBy])).toEqual([
        [3, 4, 'hole'],
        [4, 7, 'log-start'],
        [7, 8, 'hole'],
      ])
      expect(lineOf(snapshot)).toMatchObject({ next: 10, stored: 2, gaps: 3, lost: 5, balanced: true })
      // Offset 5 is lost while the ledger's next offset is still 4. Offset 4 becomes a gap and extends the earlier gap.
      await opened.maintenance.resetLedger(GROUP, epoch, actAt(2))
      await settle(5, 6, 'log-start')
      expect(await gaps()).toEqual([[0, 5]])
    })

    test('offsets that nobody counts are not settled', async () => {
      const settlement = { topic: 'orders', partition: 7, from: 0, to: 5, lostBy: 'log-start' as const }
      expect(await opened.ledger.settle(GROUP, [settlement])).toEqual([])
      expect((await read()).partitions).toEqual([])
    })

    test('an offset that arrives late is removed from its gap, which may split in two', async () => {
      await deliver([5])
      await deliver([2])
      expect((await read()).gaps.map(({ from, to }) => [from, to])).toEqual([
        [0, 2],
        [3, 5],
      ])
      await deliver([0, 1, 3, 4])
      const snapshot = await read()
      expect(snapshot.gaps).toEqual([])
      expect(lineOf(snapshot)).toMatchObject({ next: 6, stored: 6, gaps: 0, balanced: true })
    })

    test('a parked offset of a gap counts as parked', async () => {
      await deliver([1])
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(orderAt(0))] }))
      expect(lineOf(await read())).toMatchObject({ stored: 1, parked: 1, gaps: 0, balanced: true })
    })

    test('a parked origin counts once, whatever happens to its copies', async () => {
      const order = orderAt(0)
      const park = (changes: Parameters<typeof parkedFrom>[1], delivered: 'origin' | 'copy') =>
        opened.store.storeBatch(batchOf([], { delivered, parked: [parkedFrom(order, changes)] }))
      await park({}, 'origin')
      await park({ attempt: 2 }, 'copy')
      await park({ attempt: 3, state: 'dead', nextAttemptAt: null }, 'copy')
      await park({}, 'origin')
      const snapshot = await read()
      expect(snapshot.parked).toMatchObject({ retrying: 0, dead: 1 })
      expect(lineOf(snapshot)).toMatchObject({ parked: 1, next: 1, balanced: true })
    })

    test('an unreadable record has an outcome too', async () => {
      const unreadable = parkedFrom(orderAt(0), {
        orderId: null,
        order: null,
        acceptedAt: null,
        state: 'dead',
        nextAttemptAt: null,
      })
      await opened.store.storeBatch(batchOf([], { parked: [unreadable] }))
      expect(lineOf(await read())).toMatchObject({ parked: 1, next: 1, balanced: true })
    })

    test('a redriven record that is parked again counts as redriven', async () => {
      await opened.store.storeBatch(batchOf([], { parked: [parkedFrom(orderAt(0), { redriveOf: 'orders:0:99' })] }))
      expect(lineOf(await read())).toMatchObject({ parked: 1, redriven: 1, balanced: true })
    })

    test('the figures add up for any deliveries in any order', async () => {
      const known = Array.from({ length: 12 }, (_, offset) => orderAt(offset))
      const delivery = fc.record({
        delivered: fc.constantFrom('origin' as const, 'copy' as const),
        stored: fc.uniqueArray(fc.nat(11), { maxLength: 6 }),
        parked: fc.uniqueArray(fc.nat(11), { maxLength: 3 }),
        attempt: fc.integer({ min: 1, max: 3 }),
        state: fc.constantFrom('retrying' as const, 'dead' as const),
      })
      // Each run has its own store; where creating one takes seconds, there are fewer runs.
      const enough = Date.now() + 40_000
      await fc.assert(
        fc.asyncProperty(fc.array(delivery, { minLength: 1, maxLength: 12 }), async (deliveries) => {
          if (Date.now() > enough) return
          await using fresh = await open()
          const seen = new Set<number>()
          for (const { delivered, stored, parked, attempt, state } of deliveries) {
            const orders = stored.filter((offset) => !parked.includes(offset)).map((offset) => known[offset]!)
            const letters = parked.map((offset) => parkedFrom(known[offset]!, { attempt, state }))
            await fresh.store.storeBatch(batchOf(orders, { delivered, parked: letters }))
            if (delivered === 'origin') for (const offset of [...stored, ...parked]) seen.add(offset)
          }
          const snapshot = await fresh.ledger.read(GROUP, 'orders', 100)
          const next = Math.max(-1, ...seen) + 1
          const line = lineOf(snapshot) ?? { first: 0, next: 0, balanced: true }
          expect(line).toMatchObject({ first: 0, next, balanced: true })
          const missing = Array.from({ length: next }, (_, offset) => offset).filter((offset) => !seen.has(offset))
          const inGaps = snapshot.gaps.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))
          expect(inGaps).toEqual(missing)
        }),
        { numRuns: 15 },
      )
    })
  })
}
