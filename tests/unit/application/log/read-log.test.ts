import { expect, test } from 'vitest'
import { readInOrderOfTime } from '../../../../shared/application/log/read-log.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { LogRecord } from '../../../../shared/ports/event-log.ts'

/** A log with these partitions, whose records are given as offset and time. A read returns at most two records. */
function logOf(partitions: readonly (readonly (readonly [offset: number, timestamp: number])[])[], bytes = 1) {
  return {
    async read(topic: string, partition: number, from: number, limit: number): Promise<LogRecord[]> {
      const value = Buffer.alloc(bytes)
      return (partitions[partition] ?? [])
        .map(([offset, timestamp]) => ({ topic, partition, offset, timestamp, key: null, value, headers: [] }))
        .filter(({ offset }) => offset >= from)
        .slice(0, Math.min(limit, 2))
    },
  }
}

async function batches(log: ReturnType<typeof logOf>, ends: readonly number[], limit = 3) {
  const offsets = ends.map((end, partition) => ({ partition, first: 0, end }))
  const found: string[][] = []
  for await (const batch of readInOrderOfTime(log, 'orders', offsets, limit)) {
    found.push(batch.map(({ partition, offset }) => `${partition}:${offset}`))
  }
  return found
}

const AT_ONE_TIME = [0, 1, 2, 3, 4].map((offset) => [offset, 0] as const)

test('partitions are merged by time, each in its own order, in batches of the limit', async () => {
  const one = [0, 1, 2].map((offset) => [offset, 10 * offset] as const)
  const other = [0, 1, 2].map((offset) => [offset, 10 * offset + 5] as const)
  expect(await batches(logOf([one, other]), [3, 3])).toEqual([
    ['0:0', '1:0', '0:1'],
    ['1:1', '0:2', '1:2'],
  ])
})

test('a record whose time is out of order does not change the order of its partition', async () => {
  const late = [[0, 100] as const, [1, 1] as const]
  expect((await batches(logOf([late, [[0, 50]]]), [2, 1])).flat()).toEqual(['1:0', '0:0', '0:1'])
})

test('offsets that the log does not have are skipped, and nothing is read beyond the end', async () => {
  const sparse = [2, 5, 6, 9].map((offset) => [offset, 0] as const)
  expect((await batches(logOf([sparse]), [9])).flat()).toEqual(['0:2', '0:5', '0:6'])
  expect(await batches(logOf([AT_ONE_TIME]), [0])).toEqual([])
  expect((await batches(logOf([sparse]), [20])).flat()).toHaveLength(4)
})

test('offsets that the log cannot return are skipped', async () => {
  const sound = logOf([AT_ONE_TIME])
  const damaged = {
    async read(...[topic, partition, from, limit]: Parameters<typeof sound.read>) {
      const records = await sound.read(topic, partition, from, limit)
      if (from === 1 || from === 2)
        throw new OrderError('log-unreadable', 'It is damaged.', { unreadable: { from, to: 3 } })
      return records.filter(({ offset }) => from > 2 || offset < 1)
    },
  }
  expect((await batches(damaged, [5])).flat()).toEqual(['0:0', '0:3', '0:4'])
})

test('a batch of large records is smaller than the limit, and at least one record is always taken', async () => {
  const sizes = async (bytes: number) => (await batches(logOf([AT_ONE_TIME], bytes), [5])).map(({ length }) => length)
  const mib = 1024 * 1024
  expect(await sizes(mib)).toEqual([3, 2])
  expect(await sizes(4 * mib)).toEqual([2, 2, 1])
  expect(await sizes(9 * mib)).toEqual([1, 1, 1, 1, 1])
})
