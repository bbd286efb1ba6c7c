import { describe, expect, it } from 'vitest'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createRepairLedger } from '../../../../shared/application/ledger/repair-ledger.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'
import type { LedgerGap } from '../../../../shared/ports/ledger.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

const RECORDS = 2600
const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: null }

/** A ledger that has counted none of the group's committed offsets. Each batch takes `batchMs` to store. */
function given({
  batchMs = 0,
  readMs = 0,
  counts = true,
  isFree = true,
  inLog = () => true as boolean,
  unreadable = undefined as { from: number; to: number } | undefined,
  gaps = [] as LedgerGap[],
}) {
  let now = 0
  let next = 0
  const stored: number[] = []
  const repair = createRepairLedger({
    topic: 'orders',
    groupId: 'group',
    maintenance: {
      beginRepair: async () => isFree,
      endRepair: async () => undefined,
    },
    now: () => new Date(now),
    ledger: {
      read: async (_group, topic) => ({
        partitions: [
          {
            topic: 'orders',
            partition: 0,
            first: 0,
            next,
            stored: next,
            duplicate: 0,
            parked: 0,
            gaps: 0,
            absent: 0,
            lost: 0,
            redriven: 0,
          },
        ],
        gaps: gaps.filter((gap) => gap.topic === topic),
        lost: [],
        logs: [],
        parked: { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 },
        waiting: 0,
      }),
    },
    log: {
      committed: async () => new Map([[0, RECORDS]]),
      offsets: async () => [{ partition: 0, first: 0, end: RECORDS }],
      async read(_topic, _partition, from, limit): Promise<LogRecord[]> {
        now += readMs
        if (unreadable !== undefined && from >= unreadable.from && from < unreadable.to) {
          throw new OrderError('log-unreadable', 'The batch is unreadable.', { unreadable })
        }
        return Array.from({ length: Math.min(limit, RECORDS - from) }, (_, at) => from + at)
          .filter(inLog)
          .map((offset) => delivered(messageOf(), { offset }))
      },
    },
    async storeOrders(records) {
      now += batchMs
      stored.push(...records.map(({ offset }) => offset))
      if (counts) next = (records.at(-1)?.offset ?? 0) + 1
    },
  })
  return { repair, stored }
}

describe('a repair of the ledger', () => {
  it('processes every skipped record', async () => {
    const { repair, stored } = given({})
    expect(await repair(ACT)).toEqual({ processed: RECORDS, more: false, why: null })
    expect(stored).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
  })

  it('returns in time when that takes long, and the next call continues from there', async () => {
    const { repair, stored } = given({ batchMs: 15_000 })
    expect(await repair(ACT)).toEqual({ processed: 1000, more: true, why: null })
    let more = true
    while (more) ({ more } = await repair(ACT))
    expect(stored).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
  })

  it('does nothing while another repair runs, and says so', async () => {
    const { repair, stored } = given({ isFree: false })
    expect(await repair(ACT)).toMatchObject({
      processed: 0,
      more: false,
      why: expect.stringContaining('Another repair'),
    })
    expect(stored).toEqual([])
  })

  it('processes the records after an unreadable batch, and says that it skipped the batch', async () => {
    const { repair, stored } = given({ unreadable: { from: 0, to: 2000 } })
    expect(await repair(ACT)).toEqual({ processed: 600, more: false, why: 'The batch is unreadable.' })
    expect(stored[0]).toBe(2000)
  })

  it('ends where the log has nothing', async () => {
    const { repair } = given({ inLog: () => false })
    expect(await repair(ACT)).toEqual({ processed: 0, more: false, why: null })
  })

  it('processes nothing twice: it stops where processed records still count as skipped, and says why', async () => {
    const { repair, stored } = given({ counts: false })
    const why = 'The record at 0:0 was processed and is still counted as passed over, so the repair stopped.'
    expect(await repair(ACT)).toEqual({ processed: RECORDS, more: false, why })
    expect(stored).toHaveLength(RECORDS)
  })

  it('stops there too when its time ran out before it came round again', async () => {
    const { repair, stored } = given({ counts: false, batchMs: 15_000 })
    expect(await repair(ACT)).toMatchObject({ processed: 1000, more: false, why: expect.stringContaining('0:0') })
    expect(stored).toHaveLength(1000)
  })

  it('ends despite any number of ranges that the log does not have, and a slow log', async () => {
    const gaps = Array.from({ length: 100 }, (_, at) => ({
      topic: 'orders',
      partition: 0,
      from: 2 * at,
      to: 2 * at + 1,
    }))
    const { repair } = given({ gaps, readMs: 1000, inLog: () => false })
    let times = 0
    while ((await repair(ACT)).more) expect(times++).toBeLessThan(10)
    expect(times).toBeGreaterThan(1)
  })

  it('leaves the ranges of another topic alone', async () => {
    const elsewhere = { topic: 'elsewhere', partition: 0, from: 0, to: 1 }
    const { repair, stored } = given({ gaps: [elsewhere] })
    expect(await repair(ACT)).toEqual({ processed: RECORDS, more: false, why: null })
    expect(stored).toHaveLength(RECORDS)
  })
})
