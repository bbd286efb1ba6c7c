import { describe, expect, it } from 'vitest'
import type { LedgerExamination } from '../../../../shared/application/ledger/examine-ledger.ts'
import { createWhyUnseen } from '../../../../shared/application/orders/why-unseen.ts'
import { createOrderIds } from '../../../../shared/domain/order-id.ts'
import type { LedgerPartition } from '../../../../shared/ports/ledger.ts'
import { testOrderIds } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const NONE = { stored: 0, duplicate: 0, parked: 0, gaps: 0, absent: 0, lost: 0, redriven: 0 }
const ROW: LedgerPartition = { topic: 'orders', partition: 0, first: 0, next: 10, ...NONE, stored: 10 }
const RANGE = { topic: 'orders', partition: 0, from: 4, to: 5 }
const PARKED = { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 }

interface Given {
  row?: Partial<LedgerPartition>
  damaged?: LedgerExamination['damaged']
  lost?: LedgerExamination['snapshot']['lost']
  unsettled?: LedgerExamination['unsettled']
  gaps?: LedgerExamination['gaps']
  /** The number of offsets that cannot be read until an open transaction ends. */
  behindTransaction?: number
  holesAreMarkers?: boolean
  /** Whether any order's record may be in an open dead letter. */
  isInLetter?: boolean
  /** When the oldest outstanding record was published. */
  oldestToCome?: number
}

function setUp(given: Given) {
  const clock = createVirtualClock()
  const errors: unknown[] = []
  let looks = 0
  const log = {
    retention: async () => ({ maxAgeMs: null, maxBytes: null, holesAreMarkers: given.holesAreMarkers ?? false }),
    read: async (topic: string, partition: number, offset: number) => [
      { topic, partition, offset, timestamp: given.oldestToCome ?? 0, key: null, value: null, headers: [] },
    ],
  }
  async function examineLedger(): Promise<LedgerExamination> {
    looks += 1
    const row = { ...ROW, ...given.row }
    const end = given.oldestToCome === undefined ? row.next : row.next + 1
    return {
      snapshot: { partitions: [row], logs: [], gaps: [], lost: given.lost ?? [], parked: PARKED, waiting: 0 },
      lines: [{ row, start: 0, end, behindTransaction: given.behindTransaction ?? 0, uncounted: 0, expired: 0 }],
      gaps: given.gaps ?? [],
      damaged: given.damaged ?? [],
      unsettled: given.unsettled ?? [],
      brokenBy: null,
    }
  }
  const onError = (error: unknown) => errors.push(error)
  const whyUnseen = createWhyUnseen({
    log,
    examineLedger,
    mayHoldAnyOrder: async () => given.isInLetter ?? false,
    topic: 'orders',
    clock,
    onError,
  })
  /** Asks, waits for the lookup that the question may have started, and asks again. */
  const why = async (orderId: string) => {
    whyUnseen(orderId)
    await new Promise(setImmediate)
    expect(errors).toEqual([])
    return whyUnseen(orderId)?.cause.code
  }
  // Each test has its own id generator: new ids always ascend, and another test may have set the clock ahead.
  return { clock, ids: createOrderIds(['a secret of this test']), why, whyUnseen, looks: () => looks }
}

const damaged: Given = { damaged: [RANGE] }
const lost: Given = { lost: [{ ...RANGE, lostBy: 'log-start' }] }

describe('an issued order that the store does not know', () => {
  it.each<[string, Given, string | undefined]>([
    ['damaged', damaged, 'record-missing'],
    ['lost and settled', lost, 'record-lost'],
    ['newly lost', { unsettled: [{ ...RANGE, lostBy: 'hole' }] }, 'record-lost'],
    ['lost, as before a reset, after which the ledger begins later', { row: { first: 5 } }, 'record-lost'],
    ['lost and damaged', { ...damaged, ...lost }, 'record-missing'],
    ['lost and passed over', { ...lost, gaps: [RANGE] }, 'record-missing'],
    ['lost, while a dead letter has no order id', { ...lost, isInLetter: true }, 'record-missing'],
    [
      'lost, as before a reset, while a dead letter has no order id',
      { row: { first: 5 }, isInLetter: true },
      'record-missing',
    ],
    ['damaged, for which an operator answered', { row: { absent: 1 } }, 'record-missing'],
    ['markers of transactions', { row: { absent: 1 }, holesAreMarkers: true }, undefined],
    ['none', {}, undefined],
  ])('has this cause when offsets are %s', async (_, given, code) => {
    const { clock, why } = setUp(given)
    const orderId = testOrderIds.next(clock.now())
    clock.advance(10_001)
    expect(await why(orderId)).toBe(code)
  })

  it('has no cause while its record may be on its way', async () => {
    const { clock, why } = setUp(damaged)
    const orderId = testOrderIds.next(clock.now())
    expect(await why(orderId)).toBeUndefined()
    clock.advance(10_001)
    expect(await why(orderId)).toBe('record-missing')
  })

  it('has no cause while older records are still to come', async () => {
    const { clock, why } = setUp({ ...damaged, oldestToCome: Date.UTC(2026, 0, 1) + 20_000 })
    const met = testOrderIds.next(clock.now())
    const toCome = testOrderIds.next(clock.now() + 15_000)
    clock.advance(600_000)
    expect(await why(met)).toBe('record-missing')
    expect(await why(toCome)).toBeUndefined()
  })

  it('under an id without a time, counts from the first question about it', async () => {
    const { clock, why } = setUp(damaged)
    const orderId = testOrderIds.derive('a key', 'a body')
    expect(await why(orderId)).toBeUndefined()
    clock.advance(9000)
    expect(await why(orderId)).toBeUndefined()
    clock.advance(2000)
    expect(await why(orderId)).toBe('record-missing')
  })

  it('is lost only if everything that the log had when it was asked for was processed, whatever the timestamps say', async () => {
    const given: Given = { ...lost, oldestToCome: Date.UTC(2030, 0, 1), row: {} }
    const { clock, ids, why, whyUnseen } = setUp(given)
    const orderId = ids.next(clock.now())
    clock.advance(20_000)
    expect(await why(orderId)).toBe('record-missing')
    clock.advance(20_000)
    const later = ids.next(clock.now())
    given.row = { next: 11 }
    expect(await why(orderId)).toBe('record-lost')
    expect(whyUnseen(orderId)).toEqual({
      isLost: true,
      cause: {
        code: 'record-lost',
        detail:
          'The record is one of those that left the log before they were counted, at orders 0:4. Everything else was processed, so this will not be stored. Send the request again.',
      },
    })
    expect(await why(later)).not.toBe('record-lost')
  })

  it('is not lost while records are behind an open transaction, because its own may be one of them', async () => {
    const { clock, ids, why } = setUp({ ...lost, behindTransaction: 3 })
    const orderId = ids.next(clock.now())
    clock.advance(20_000)
    expect(await why(orderId)).toBe('record-missing')
  })

  it('is lost at the first question if its id is older than the largest difference between clocks', async () => {
    const { clock, ids, why, whyUnseen } = setUp(lost)
    const [old, recent] = [ids.next(clock.now()), ids.next(clock.now() + 60_000)]
    clock.advance(10 * 60_000 + 1)
    expect(await why(ids.next(clock.now()))).toBe('record-lost')
    clock.advance(1)
    expect(whyUnseen(old)?.isLost).toBe(true)
    expect(whyUnseen(recent)?.isLost).toBe(false)
  })

  it.each<[string, Given]>([
    ['lost', lost],
    ['lost, as before a reset', { row: { first: 5 } }],
  ])('with a derived id is never certain to be %s, because its request may be sent again', async (_, given) => {
    const { clock, why, whyUnseen } = setUp(given)
    const orderId = testOrderIds.derive('a key', 'a body')
    const changeId = testOrderIds.deriveChange(orderId, 'a key', 'a body')
    for (const id of [orderId, changeId]) {
      await why(id)
      clock.advance(60 * 60_000)
      expect(await why(id)).toBe('record-missing')
      expect(whyUnseen(id)).toMatchObject({
        isLost: false,
        cause: { detail: expect.stringContaining('with the same Idempotency-Key') },
      })
    }
  })

  it('is lost once the dead letter without an order id is settled', async () => {
    const given: Given = { ...lost, isInLetter: true }
    const { clock, ids, why } = setUp(given)
    const orderId = ids.next(clock.now())
    clock.advance(20_000)
    expect(await why(orderId)).toBe('record-missing')
    given.isInLetter = false
    clock.advance(20_000)
    expect(await why(orderId)).toBe('record-lost')
  })

  it('costs at most one lookup a minute while nothing is missing', async () => {
    const { clock, why, looks } = setUp({})
    for (let second = 0; second < 60; second++) {
      await why(testOrderIds.next(clock.now()))
      clock.advance(1000)
    }
    expect(looks()).toBe(1)
    await why(testOrderIds.next(clock.now()))
    expect(looks()).toBe(2)
  })
})
