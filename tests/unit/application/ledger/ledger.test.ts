import { describe, expect, it } from 'vitest'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createExamineLedger } from '../../../../shared/application/ledger/examine-ledger.ts'
import { createLedgerVerdict } from '../../../../shared/application/ledger/judge-ledger.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'
import type { LedgerGap, LedgerLoss, LedgerPartition, LogBreak, ParkedState } from '../../../../shared/ports/ledger.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

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
  absent: 0,
  lost: 0,
  redriven: 0,
}

interface Given {
  rows?: LedgerPartition[]
  ends?: number[]
  parked?: Partial<Record<ParkedState, number>>
  gaps?: LedgerGap[]
  lost?: LedgerLoss[]
  inLog?: (offset: number) => boolean
  /** The log's unreadable offsets. */
  unreadable?: { from: number; to: number }
  committed?: number
  /** The log's first offset at each successive request. */
  starts?: number[]
  holesAreMarkers?: boolean
  behindTransaction?: number
  /** The id of the current log, and how the ledger says that the counted log was replaced or truncated. */
  logId?: string | null
  brokenBy?: LogBreak | null
  waiting?: number
}

function verdict({
  rows = [ROW],
  ends = [10],
  parked = { dead: 2 },
  gaps = [],
  lost = [],
  inLog = () => true,
  unreadable,
  committed = 0,
  starts = [0],
  holesAreMarkers = true,
  behindTransaction = 0,
  logId = 'counted',
  brokenBy = null,
  waiting = 0,
}: Given) {
  const questions = [...starts]
  const examineLedger = createExamineLedger({
    topic: 'orders',
    groupId: 'group',
    ledger: {
      read: async (_group, topic) => ({
        partitions: rows.filter((row) => row.topic === topic),
        logs: [{ topic: 'orders', id: 'counted', brokenBy }],
        gaps: gaps.filter((gap) => gap.topic === topic),
        lost,
        parked: { ...NOTHING_PARKED, ...parked },
        waiting,
      }),
    },
    log: {
      committed: async () => new Map([[0, committed]]),
      offsets: async () => {
        const first = (questions.length > 1 ? questions.shift() : questions[0]) ?? 0
        return ends.map((end, partition) => ({ partition, first, end, behindTransaction }))
      },
      identity: async () => logId,
      retention: async () => ({ maxAgeMs: null, maxBytes: null, holesAreMarkers }),
      read: async (_topic, partition, from, limit): Promise<LogRecord[]> => {
        if (partition >= ends.length) throw new OrderError('log-unavailable', 'There is no such partition.')
        const offsets = Array.from({ length: limit }, (_, index) => from + index).filter(inLog)
        const isBefore = (offset: number) => unreadable === undefined || offset < unreadable.from
        if (unreadable !== undefined && from < unreadable.to && !isBefore(offsets[0] ?? unreadable.from)) {
          throw new OrderError('log-unreadable', 'The batch is unreadable.', { unreadable })
        }
        return offsets
          .filter((offset) => isBefore(offset) || offset >= (unreadable?.to ?? 0))
          .filter((offset) => from >= (unreadable?.to ?? 0) || isBefore(offset))
          .map((offset) => delivered(messageOf(), { offset }))
      },
    },
  })
  return createLedgerVerdict(examineLedger)()
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

  it('reports what waits behind an open transaction, and does not count it', async () => {
    const { balanced, summary, totals } = await verdict({ behindTransaction: 4 })
    expect(balanced).toBe(true)
    expect(totals).toMatchObject({ records: 10, toCome: 0, behindTransaction: 4 })
    expect(summary).toMatch(/0 still to come\. 4 more wait behind an open transaction\.$/)
  })

  it('says how many changes wait for an earlier event, and counts them as stored alone', async () => {
    const { balanced, summary, waiting, totals } = await verdict({ waiting: 2 })
    expect({ balanced, waiting, stored: totals.stored }).toEqual({ balanced: true, waiting: 2, stored: 7 })
    expect(summary).toMatch(/0 still to come\. 2 stored changes wait for an earlier event of the order\.$/)
    expect((await verdict({ waiting: 1 })).summary).toMatch(
      / 1 stored change waits for an earlier event of the order\.$/,
    )
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

  it('does not balance when the consumer committed offsets without an outcome, before any record follows', async () => {
    expect(await verdict({ ends: [15], committed: 12 })).toMatchObject({
      balanced: false,
      summary: 'Not balanced: 2 records were passed over, at 0:10, 0:11.',
      totals: { records: 15, gaps: 2, toCome: 3 },
    })
  })

  it('balances when the skipped offsets are not in the log', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const { balanced, summary } = await verdict({ rows, gaps, inLog: (offset) => offset > 5 })
    expect(balanced).toBe(true)
    // The figures in the sentence must add up even though two of the ten offsets have no record.
    expect(summary).toBe('Balanced: 8 records = 5 stored + 1 duplicate + 2 parked (2 dead) + 0 still to come.')
  })

  it('reports skipped records that cannot be read as damaged, apart from their neighbours', async () => {
    const rows = [{ ...ROW, next: 20, gaps: 10 }]
    const { balanced, summary, gaps, damaged, totals, partitions } = await verdict({
      rows,
      ends: [20],
      gaps: [{ topic: 'orders', partition: 0, from: 10, to: 20 }],
      inLog: (offset) => offset !== 11 && offset !== 12 && offset !== 18,
      unreadable: { from: 13, to: 17 },
    })
    const at = { topic: 'orders', partition: 0 }
    expect(balanced).toBe(false)
    expect(gaps).toEqual([
      { ...at, from: 10, to: 11 },
      { ...at, from: 17, to: 18 },
      { ...at, from: 19, to: 20 },
    ])
    expect(damaged).toEqual([{ ...at, from: 13, to: 17 }])
    expect(totals).toMatchObject({ gaps: 3, damaged: 4, absent: 3 })
    expect(partitions).toMatchObject([{ next: 20, gaps: 3, damaged: 4, absent: 3, balanced: true }])
    expect(summary).toContain(
      '4 records were damaged in the log, at 0:13–16; 3 records were passed over, at 0:10, 0:17, 0:19.',
    )
  })

  it('finds the skipped record after a thousand offsets that the log does not have', async () => {
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

  it('counts all skipped records, and names the first hundred', async () => {
    const rows = [{ ...ROW, next: 100_010, gaps: 100_000 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 10, to: 100_010 }]
    const seen = await verdict({ rows, ends: [100_010], gaps })
    expect(seen.totals.gaps).toBe(100_000)
    expect(seen.gaps).toHaveLength(100)
    expect(seen.summary).toMatch(/^Not balanced: 100000 records were passed over, at 0:10, .*0:19, …\.$/)
  })

  it('does not balance when offsets left the log before they were counted, and names them', async () => {
    const rows = [{ ...ROW, stored: 3, gaps: 4 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 8 }]
    const seen = await verdict({ rows, gaps, starts: [7], inLog: (offset) => offset > 7 })
    expect(seen).toMatchObject({
      balanced: false,
      summary: 'Not balanced: 3 offsets are lost: they left the log before they were counted, at orders 0:4–6.',
      lost: [{ from: 4, to: 7, lostBy: 'log-start' }],
      totals: { lost: 3, absent: 1, gaps: 0, records: 9 },
    })
  })

  it('does not balance when the log begins after the next offset', async () => {
    expect(await verdict({ ends: [20], starts: [13], inLog: (offset) => offset >= 13 })).toMatchObject({
      balanced: false,
      lost: [{ from: 10, to: 13, lostBy: 'log-start' }],
      totals: { lost: 3, gaps: 0, toCome: 7, records: 20 },
    })
  })

  it('does not take a record for a marker that was deleted while the log was being read', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const seen = await verdict({ rows, gaps, starts: [0, 0, 6], inLog: (offset) => offset > 5 })
    expect(seen).toMatchObject({ balanced: false, totals: { lost: 2, absent: 0 } })
  })

  it('counts expired offsets separately from lost ones, and balances despite expired ones', async () => {
    const seen = await verdict({ ends: [20], starts: [6], inLog: (offset) => offset >= 6 })
    expect(seen).toMatchObject({
      balanced: true,
      summary: expect.stringMatching(/ 10 still to come\. 6 of the counted offsets have since left the log\.$/),
      totals: { expired: 6, lost: 0, records: 20, stored: 7 },
      partitions: [{ expired: 6 }],
    })
    const rows = [{ ...ROW, stored: 2, gaps: 2, lost: 3 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const lost = [{ topic: 'orders', partition: 0, from: 0, to: 3, lostBy: 'log-start' as const }]
    expect(await verdict({ rows, gaps, lost, starts: [7], inLog: (offset) => offset >= 7 })).toMatchObject({
      balanced: false,
      totals: { expired: 2, lost: 5 },
    })
    expect(await verdict({ ends: [20], starts: [15], inLog: (offset) => offset >= 15 })).toMatchObject({
      totals: { expired: 10, lost: 5 },
    })
  })

  it('has no expired offsets if the log is not the one that was counted', async () => {
    expect(await verdict({ logId: 'another', starts: [5] })).toMatchObject({ totals: { expired: 0 } })
  })

  it('does not lose records that are counted and leave the log while the ledger is being read', async () => {
    expect(await verdict({ ends: [20], starts: [0, 13], inLog: (offset) => offset >= 13 })).toMatchObject({
      balanced: true,
      totals: { expired: 10, lost: 0, toCome: 10 },
    })
  })

  it('does not take a hole for a marker where records can vanish from within the log', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const seen = await verdict({ rows, gaps, inLog: (offset) => offset > 5, holesAreMarkers: false })
    expect(seen).toMatchObject({
      balanced: false,
      summary: expect.stringContaining('2 offsets are lost: they are missing from the log'),
      lost: [{ from: 4, to: 6, lostBy: 'hole' }],
    })
  })

  it('counts offsets settled earlier without asking the log', async () => {
    const rows = [{ ...ROW, stored: 2, absent: 2, lost: 3 }]
    const lost = [{ topic: 'orders', partition: 0, from: 0, to: 3, lostBy: 'log-start' as const }]
    expect(await verdict({ rows, lost, inLog: () => false })).toMatchObject({
      balanced: false,
      lost,
      totals: { lost: 3, absent: 2, records: 8 },
    })
  })

  it('does not balance on another log, however long it is, and does not ask it about the earlier one', async () => {
    const rows = [{ ...ROW, stored: 5, gaps: 2 }]
    const gaps = [{ topic: 'orders', partition: 0, from: 4, to: 6 }]
    const seen = await verdict({ rows, gaps, ends: [50], logId: 'another', inLog: (offset) => offset > 5 })
    expect(seen).toMatchObject({
      balanced: false,
      summary: expect.stringMatching(
        /^Not balanced: orders is not the log that was counted: it was recreated, .*; 2 records were passed over\.$/,
      ),
      brokenBy: 'replaced',
      totals: { lost: 0, absent: 0 },
    })
    expect(await verdict({ logId: null })).toMatchObject({ balanced: true, brokenBy: null })
  })

  it('does not balance again on its own once the log was seen to end too early', async () => {
    expect(await verdict({ ends: [50], brokenBy: 'truncated' })).toMatchObject({
      balanced: false,
      summary: expect.stringContaining('orders ended before what was counted'),
    })
  })

  it('does not balance when figures are missing', async () => {
    expect(await verdict({ rows: [{ ...ROW, stored: 6 }] })).toMatchObject({
      balanced: false,
      summary: 'Not balanced: the figures for partition 0 of orders do not add up.',
    })
  })

  it('does not balance when the log ends before the last counted offset', async () => {
    const { balanced, summary } = await verdict({ ends: [9] })
    expect(balanced).toBe(false)
    expect(summary).toMatch(/ends at 9, before 10: the log was truncated or recreated/)
  })

  it('names a partition that a recreated topic no longer has, although nothing there can be read', async () => {
    const gone = { ...ROW, partition: 1, stored: 5, gaps: 2 }
    const { balanced, summary } = await verdict({
      rows: [ROW, gone],
      parked: { dead: 4 },
      gaps: [{ topic: 'orders', partition: 1, from: 4, to: 6 }],
    })
    expect(balanced).toBe(false)
    expect(summary).toMatch(/partition 1 of orders ends at 0, before 10: the log was truncated or recreated/)
  })

  it('asks the log for nothing of another topic that the group may have consumed before', async () => {
    const elsewhere = { ...ROW, topic: 'elsewhere', next: 1_000_000, gaps: 999_990 }
    const gaps = [{ topic: 'elsewhere', partition: 0, from: 10, to: 1_000_000 }]
    expect(await verdict({ rows: [ROW, elsewhere], gaps })).toMatchObject({ balanced: true, totals: { records: 10 } })
  })

  it('has no figure below zero when it has counted more than the log holds', async () => {
    const rows = [{ ...ROW, first: 1_000_000, next: 1_000_010, redriven: 3 }]
    expect(await verdict({ rows })).toMatchObject({ balanced: false, totals: { records: 0, accepted: 0 } })
  })

  it('does not balance when a parked record has no state', async () => {
    expect(await verdict({ parked: { dead: 1 } })).toMatchObject({ balanced: false })
  })
})
