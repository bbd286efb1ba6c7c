import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../../shared/adapters/kafka/client/crc32c.ts'
import {
  decodeBatches,
  type AbortedTransaction,
  type Limits,
} from '../../../../shared/adapters/kafka/fetch/record-batch.ts'
import { CODECS, encodeBatch, type BatchToEncode, type Codec } from '../../../support/kafka/record-batches.ts'

const PLACE = { topic: 'orders', partition: 3, offset: 0 }
const PLENTY = 100 * 1024 * 1024

async function decode(set: Buffer, offset = 0, aborted: readonly AbortedTransaction[] = [], bytes = PLENTY) {
  return decodeBatches(set, { ...PLACE, offset }, aborted, { bytes })
}

const one = (value: string) => ({ key: null, value: Buffer.from(value) })
const valuesOf = ({ records }: Awaited<ReturnType<typeof decode>>) =>
  records.map(({ value }) => String(value === null ? null : Buffer.from(value)))

function batches(...all: BatchToEncode[]): Buffer {
  return Buffer.concat(all.map(encodeBatch))
}

describe('a record batch', () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null })
  const record = fc.record({
    timestampDelta: fc.bigInt(-(2n ** 40n), 2n ** 40n),
    key: bytes,
    value: bytes,
    headers: fc.array(
      fc.tuple(
        fc.string().map((name) => new TextEncoder().encode(name)),
        bytes,
      ),
      { maxLength: 5 },
    ),
  })

  it('returns every record byte for byte, with its headers in order, for every codec', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 30 }),
        fc.constantFrom(...CODECS),
        fc.integer({ min: 0, max: 2 ** 50 }),
        async (records, codec, baseOffset) => {
          const decoded = await decode(encodeBatch({ baseOffset, records, codec }), baseOffset)
          expect(decoded.unreadable).toBeUndefined()
          expect(decoded.next).toBe(baseOffset + records.length)
          expect(decoded.records).toEqual(
            records.map(({ key, value, headers, timestampDelta }, index) => ({
              topic: 'orders',
              partition: 3,
              offset: baseOffset + index,
              timestamp: 1_700_000_000_000 + Number(timestampDelta),
              key: key && Buffer.from(key),
              value: value && Buffer.from(value),
              headers: headers.map(([name, of]) => [
                new TextDecoder('utf-8', { ignoreBOM: true }).decode(name),
                of && Buffer.from(of),
              ]),
            })),
          )
        },
      ),
    )
  })

  it.each([-(2n ** 63n), -1n, 0n, 2n ** 53n, 2n ** 63n - 1n])(
    'has the time %s as precisely as a number can',
    async (time) => {
      const [record] = (await decode(encodeBatch({ baseOffset: 0, records: [one('x')], baseTimestamp: time }))).records
      expect(record?.timestamp).toBe(Number(time))
      const appended = { baseOffset: 0, records: [one('x')], maxTimestamp: time, logAppendTime: true }
      expect((await decode(encodeBatch(appended))).records[0]?.timestamp).toBe(Number(time))
    },
  )

  it.each(CODECS)('of %s can be read from its middle', async (codec) => {
    const set = encodeBatch({ baseOffset: 10, records: ['a', 'b', 'c', 'd'].map(one), codec })
    expect(valuesOf(await decode(set, 12))).toEqual(['c', 'd'])
  })

  it('is left for later when it is truncated, whether or not it is the first', async () => {
    const set = batches({ baseOffset: 0, records: [one('a')] }, { baseOffset: 1, records: [one('b')] })
    for (let length = 0; length < set.length; length++) {
      const { records, next, unreadable } = await decode(set.subarray(0, length))
      expect(unreadable).toBeUndefined()
      expect(next).toBe(records.length)
    }
  })

  it('leads past offsets that compaction emptied, at its end or throughout', async () => {
    const set = batches(
      { baseOffset: 0, records: [{ ...one('a'), offsetDelta: 3 }], lastOffsetDelta: 9 },
      { baseOffset: 10, records: [], lastOffsetDelta: 4 },
    )
    expect(await decode(set)).toMatchObject({ next: 15, records: [{ offset: 3 }] })
    expect(await decode(set, 12)).toEqual({ next: 15, records: [] })
  })

  it('has the checksum of RFC 3720', () => {
    expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa')
    expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283')
  })
})

describe('a transaction', () => {
  const [P, Q] = [7n, 8n]
  const marker = (baseOffset: number, producerId: bigint, control: 'commit' | 'abort') => ({
    baseOffset,
    producerId,
    control,
    records: [],
  })
  const written = (baseOffset: number, producerId: bigint, value: string, codec: Codec = 'none') => {
    return { baseOffset, producerId, records: [one(value)], codec }
  }

  it('that was aborted is left out, and its marker passed', async () => {
    const set = batches(written(0, P, 'no'), marker(1, P, 'abort'), written(2, P, 'yes'), marker(3, P, 'commit'))
    const decoded = await decode(set, 0, [{ producerId: P, firstOffset: 0 }])
    expect(valuesOf(decoded)).toEqual(['yes'])
    expect(decoded.next).toBe(4)
  })

  it('is told apart from overlapping ones, in whatever order they end', async () => {
    // The broker lists aborted transactions in the order in which they ended: Q's before P's.
    const set = batches(
      written(0, P, 'P no'),
      written(1, Q, 'Q no'),
      { baseOffset: 2, records: [one('plain')] },
      marker(3, Q, 'abort'),
      written(4, P, 'P no, too'),
      written(5, Q, 'Q yes'),
      marker(6, P, 'abort'),
      marker(7, Q, 'commit'),
    )
    const list = [
      { producerId: Q, firstOffset: 1 },
      { producerId: P, firstOffset: 0 },
    ]
    expect(valuesOf(await decode(set, 0, list))).toEqual(['plain', 'Q yes'])
  })

  it('does not end at a record whose key looks like an abort marker', async () => {
    const set = batches(
      { baseOffset: 0, producerId: P, records: [{ key: Buffer.alloc(4), value: Buffer.from('no') }] },
      written(1, P, 'nor this'),
      marker(2, P, 'abort'),
    )
    expect((await decode(set, 0, [{ producerId: P, firstOffset: 0 }])).records).toEqual([])
  })

  it('that was aborted need not be readable, and may end beyond the fetched data', async () => {
    const set = batches({ ...written(0, P, 'no'), codec: 7 })
    expect(await decode(set, 0, [{ producerId: P, firstOffset: 0 }])).toEqual({ records: [], next: 1 })
  })

  it('may have an abort marker that is missing from the list', async () => {
    const decoded = await decode(batches(marker(5, P, 'abort'), written(6, P, 'yes'), marker(7, P, 'commit')), 5)
    expect(valuesOf(decoded)).toEqual(['yes'])
  })
})

describe('a batch that cannot be read', () => {
  const good = encodeBatch({ baseOffset: 0, records: [one('good')] })
  const behind = encodeBatch({ baseOffset: 5, records: [one('behind')] })

  it.each<[why: string, batch: Buffer]>([
    ['codec 7', encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, codec: 7 })],
    ['version 1', encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, magic: 1 })],
    ['checksum', flipped(encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3 }), -1)],
    ['as gzip', damaged(encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, codec: 'gzip' }))],
    ['as snappy', damaged(encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, codec: 'snappy' }))],
    ['as lz4', damaged(encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, codec: 'lz4' }))],
    ['as zstd', damaged(encodeBatch({ baseOffset: 1, records: [one('a')], lastOffsetDelta: 3, codec: 'zstd' }))],
  ])('stops there, and says why: %s', async (why, batch) => {
    const decoded = await decode(Buffer.concat([good, batch, behind]))
    expect(valuesOf(decoded)).toEqual(['good'])
    expect(decoded.next).toBe(1)
    expect(decoded.unreadable).toEqual({ from: 1, to: 5, why: expect.stringContaining(why) as string })
  })

  it.each(['gzip', 'snappy', 'xerial', 'lz4', 'zstd'] as const)(
    'is one of %s whose decompressed size exceeds the limit',
    async (codec) => {
      const records = [{ key: null, value: Buffer.alloc(65 * 1024 * 1024) }]
      const { unreadable } = await decode(encodeBatch({ baseOffset: 0, records, codec }))
      expect(unreadable?.why).toMatch(/64 MiB|larger than 67108864 bytes/)
    },
  )

  it('excludes one with a malformed record: that record is delivered with its bytes', async () => {
    const set = encodeBatch({
      baseOffset: 0,
      records: [one('a'), Buffer.from([0, 0, 2, 99, 1, 2]), one('c')].map(inPlace),
    })
    const { records, next } = await decode(set)
    expect(next).toBe(3)
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2])
    expect(records[1]).toMatchObject({ key: null, value: Buffer.from([0, 0, 2, 99, 1, 2]), headers: [] })
    expect(String(records[2]?.value)).toBe('c')
  })

  const emptyHeaders = (count: number) =>
    Array.from({ length: count }, () => [Buffer.alloc(0), null] as [name: Buffer, value: null])
  const within = (set: Buffer, limits: Limits) => decodeBatches(set, PLACE, [], { bytes: PLENTY }, limits)

  it('excludes one whose record has too many headers: that record is delivered with its bytes', async () => {
    const records = [one('a'), { ...one('b'), headers: emptyHeaders(11) }, { ...one('c'), headers: emptyHeaders(10) }]
    const limits = { headersOfRecord: 10, objectsOfBatch: 100 }
    const decoded = await within(encodeBatch({ baseOffset: 0, records, codec: 'gzip' }), limits)
    expect(decoded).toMatchObject({ next: 3, records: [{}, { offset: 1, key: null, headers: [] }, {}] })
    expect(decoded.records.map(({ headers }) => headers.length)).toEqual([0, 0, 10])
    expect(decoded.records[1]?.value?.length).toBeGreaterThan(11 * 2)
  })

  it.each([
    ['records', [one('a'), one('b'), one('c'), one('d')]],
    ['headers', [one('a'), { ...one('b'), headers: emptyHeaders(2) }]],
    ['records of no bytes', [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)]],
  ])('is one of more %s than memory should hold', async (_, records) => {
    const limits = { headersOfRecord: 10, objectsOfBatch: 3 }
    const { unreadable } = await within(encodeBatch({ baseOffset: 0, records, codec: 'gzip' }), limits)
    expect(unreadable).toEqual({ from: 0, to: records.length, why: 'it holds more than 3 records and headers' })
  })

  it('counts the memory of decoded records, not only their bytes', async () => {
    const many = { ...one('a'), headers: emptyHeaders(100) }
    const set = batches({ baseOffset: 0, records: [many] }, { baseOffset: 1, records: [one('b')] })
    expect(await decode(set, 0, [], 1000)).toMatchObject({ next: 1, records: [{ offset: 0 }] })
  })

  it('is not decoded once an answer is large enough', async () => {
    const set = batches({ baseOffset: 0, records: [one('a'.repeat(1000))] }, { baseOffset: 1, records: [one('b')] })
    expect(await decode(set, 0, [], 500)).toMatchObject({ next: 1, records: [{ offset: 0 }] })
    expect(await decode(set, 1, [], 500)).toMatchObject({ next: 2, records: [{ offset: 1 }] })
  })
})

const inPlace = <T>(record: T): T => record

function flipped(batch: Buffer, at: number): Buffer {
  const changed = Buffer.from(batch)
  const index = at < 0 ? changed.length + at : at
  changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
  return changed
}

/** Damages the middle of the compressed data and corrects the checksum. */
function damaged(batch: Buffer): Buffer {
  const changed = Buffer.from(batch.subarray(0, -3))
  changed.writeInt32BE(changed.length - 12, 8)
  changed.writeUInt32BE(crc32c(changed.subarray(21)), 17)
  return changed
}
