import { describe, expect, it } from 'vitest'
import { createStorage } from '../../../../shared/application/operations/storage.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { DiskUsage } from '../../../../shared/ports/disk-usage.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

const at = (day: number) => Date.UTC(2026, 0, day)
const instant = (day: number) => new Date(at(day)).toISOString()
const USED: DiskUsage = { log: 4096, store: 8192, free: 1_000_000 }

/** The report for partitions that begin at offset 7, with these timestamps. */
function reportOf(partitions: readonly (number | 'unreadable')[][], { diskUsage = USED } = {}) {
  const topic = 'orders'
  return createStorage({
    topic,
    retentionMs: 86_400_000,
    diskUsage: async () => diskUsage,
    now: () => new Date(at(31)),
    log: {
      offsets: async () => partitions.map((records, partition) => ({ partition, first: 7, end: 7 + records.length })),
      async read(_topic, partition, from) {
        const timestamp = partitions[partition]?.[from - 7]
        if (timestamp === undefined) return []
        if (timestamp === 'unreadable')
          throw new OrderError('log-unreadable', 'damaged', { unreadable: { from, to: from + 1 } })
        return [{ topic, partition, offset: from, timestamp } as LogRecord]
      },
    },
  })()
}

describe('the storage report', () => {
  it('has the sizes, the retention and the oldest record of all partitions', async () => {
    expect(await reportOf([[at(20), at(21)], [], [at(12), at(30)]])).toEqual({
      at: instant(31),
      log: { topic: 'orders', retentionMs: 86_400_000, oldestRecordAt: instant(12), bytes: 4096 },
      store: { bytes: 8192 },
      freeBytes: 1_000_000,
    })
  })

  it('has no oldest record in an empty topic, nor sizes of other machines', async () => {
    expect(await reportOf([[], []], { diskUsage: { log: null, store: null, free: null } })).toMatchObject({
      log: { oldestRecordAt: null, bytes: null },
      store: { bytes: null },
      freeBytes: null,
    })
  })

  it('looks beyond records that cannot be read', async () => {
    expect(await reportOf([['unreadable', 'unreadable', at(9)], [at(10)]])).toMatchObject({
      log: { oldestRecordAt: instant(9) },
    })
  })

  it('passes over a timestamp that is not a time', async () => {
    expect(await reportOf([[-1], [at(10)]])).toMatchObject({ log: { oldestRecordAt: instant(10) } })
    expect(await reportOf([[-1]])).toMatchObject({ log: { oldestRecordAt: null } })
  })
})
