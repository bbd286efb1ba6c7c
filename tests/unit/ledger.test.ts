import { describe, expect, it } from 'vitest'
import { createLedgerVerdict } from '../../shared/application/ledger.ts'
import type { LogRecord } from '../../shared/ports/event-log.ts'
import type { LedgerGap, LedgerPartition, ParkedState } from '../../shared/ports/ledger.ts'
import { delivered, messageOf } from '../support/orders.ts'

const NOTHING_PARKED: Record<ParkedState, number> = {
  retrying: 0,
  stored: 0,
  duplicate: 0,
  dead: 0,
  discarded: 0,
  redriven: 0,
}
const ROW: LedgerPartition = {
  topic: 'orders',
  partition: 0,
  first: 0,
  next: 10,
  stored: 7,
  duplicate: 1,
  parked: 2,
  gaps: 0,
  redriven: 0,
}

interface Given {
  rows?: LedgerPartition[]
  ends?: number[]
  parked?: Partial<Record<ParkedState, number>>
  gaps?: LedgerGap[]
  inLog?: (offset: number) => boolean
  committed?: number
}

function verdict({
  rows = [ROW],
  ends = [10],
  parked = { dead: 2 },
  gaps = [],
  inLog = () => true,
  committed = 0,
}: Given) {
  return createLedgerVerdict({
    topic: 'orders',
    groupId: 'group',
    ledger: {
      read: async () => ({ partitions: rows, gaps, parked: { ...NOTHING_PARKED, ...parked } }),
    },
    log: {
      committed: async () => new Map([[0, committed]]),
      offsets: async () => ends.map((end, partition) => ({ partition, first: 0, end })),
      read: async (_topic, _partition, from, limit): Promise<LogRecord[]> =>
        Array.from({ length: limit }, (_, index) => from + index)
          .filter(inLog)
          .map((offset) => delivered(messageOf(), { offset })),
    },
  })()
}

describe('the ledger', () => {
  it('balances when every record has an outcome', async () => {
    const { balanced, summary } = await verdict({})
    expect(balanced).toBe(true)
    expect(summary).toBe('Balanced: 10 records = 7 stored + 1 duplicate + 2 parked (2 dead) + 0 still to come.')
  })

  it('balances while records are still to come, and before the first', async () => {
    expect(await verdict({ ends: [15] })).toMatchObject({ balanced: true, totals: { toCome: 5, records: 15 } })
    expect(await verdict({ rows: [], ends: [3, 4], parked: {} })).toMatchObject({
      balanced: true,
      totals: { toCome: 7 },
    })
  })

  it('counts redriven records as records, not as accepted orders', async () => {
    expect(await verdict({ rows: [{ ...ROW, redriven: 3 }] })).toMatchObject({ totals: { records: 10, accepted: 7 } })
  })

  it('does not balance when a record was passed over, and says which', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const { balanced, summary, gaps } = await verdict({
      rows,
      gaps: [{ topic: 'orders', partition: 0, from: 4, to: 6 }],
    })
    expect(balanced).toBe(false)
    expect(summary).toBe('Not balanced: 2 records were passed over, at 0:4, 0:5.')
    expect(gaps).toHaveLength(2)
  })

  it('does not balance when the consumer committed what has no outcome, before any record comes after it', async () => {
    expect(await verdict({ ends: [15], committed: 12 })).toMatchObject({
      balanced: false,
      summary: 'Not balanced: 2 records were passed over, at 0:10, 0:11.',
      totals: { records: 15, gaps: 2, toCome: 3 },
    })
  })

  it('balances when what was passed over is not in the log', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const { balanced, summary } = await verdict({ rows, gaps, inLog: (offset) => offset > 5 })
    expect(balanced).toBe(true)
    // The sentence is a sum that is right: two offsets are no records.
    expect(summary).toBe('Balanced: 8 records = 5 stored + 1 duplicate + 2 parked (2 dead) + 0 still to come.')
  })

  it('finds the record that was passed over behind a thousand offsets that the log does not have', async () => {
    const gaps = Array.from({ length: 1001 }, (_, at) => ({
      topic: 'orders',
      partition: 0,
      from: 2 * at,
      to: 2 * at + 1,
    }))
    const rows = [{ ...ROW, next: 2002, stored: 998, gaps: 1001 }]
    const inLog = (offset: number) => offset % 2 === 1 || offset === 2000
    expect(await verdict({ rows, ends: [2002], gaps, inLog })).toMatchObject({
      balanced: false,
      summary: 'Not balanced: 1 record was passed over, at 0:2000.',
      gaps: [{ from: 2000, to: 2001 }],
      totals: { records: 1002, gaps: 1 },
    })
  })

  it('counts all of what was passed over, and names the first hundred', async () => {
    const rows = [{ ...ROW, next: 100_010, gaps: 100_000 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 10, to: 100_010 }]
    const seen = await verdict({ rows, ends: [100_010], gaps })
    expect(seen.totals.gaps).toBe(100_000)
    expect(seen.gaps).toHaveLength(100)
    expect(seen.summary).toMatch(/^Not balanced: 100000 records were passed over, at 0:10, .*0:19, …\.$/)
  })

  it('does not balance when figures are missing', async () => {
    expect(await verdict({ rows: [{ ...ROW, stored: 6 }] })).toMatchObject({
      balanced: false,
      summary: 'Not balanced: the figures of partition 0 of orders do not add up.',
    })
  })

  it('does not balance when the log ends before what was counted', async () => {
    const { balanced, summary } = await verdict({ ends: [9] })
    expect(balanced).toBe(false)
    expect(summary).toMatch(/ends at 9, before 10: the log was truncated or made anew/)
  })

  it('does not balance when a parked record has no state', async () => {
    expect(await verdict({ parked: { dead: 1 } })).toMatchObject({ balanced: false })
  })
})
