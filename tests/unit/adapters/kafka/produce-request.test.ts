import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RECORDS_AT } from '../../../../shared/adapters/kafka/client/batch-header.ts'
import { decodeBatches } from '../../../../shared/adapters/kafka/fetch/record-batch.ts'
import { encodeBatch, encodeProduceRequest } from '../../../../shared/adapters/kafka/publish/produce-request.ts'
import { sizeOf, toOutgoing } from '../../../../shared/adapters/kafka/publish/records.ts'
import type { RecordToPublish } from '../../../../shared/ports/event-log.ts'

const PLACE = { topic: 'orders', partition: 3, offset: 0 }

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const content = fc.option(fc.oneof(text, fc.uint8Array({ maxLength: 300 })), { nil: null })
const record: fc.Arbitrary<RecordToPublish> = fc.record({
  key: content,
  value: content,
  headers: fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('a', 'b')), content), { maxLength: 5 }),
  timestamp: fc.oneof(fc.nat(), fc.maxSafeNat()),
})

/** kafkajs's own encoder. */
const require = createRequire(import.meta.url)
const kafkajs = {
  record: require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object,
  batch: (
    require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> }
  ).RecordBatch,
}

function bytesOf(given: Uint8Array | string | null): Buffer | null {
  return given === null ? null : Buffer.from(given as Uint8Array)
}

describe('a batch that is sent', () => {
  it('is read back byte for byte, with its headers in order, repeated names and nulls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 200 }), async (records) => {
        const decoded = await decodeBatches(encodeBatch(records.map(toOutgoing)), PLACE, [], { bytes: 1e8 })
        expect(decoded.unreadable).toBeUndefined()
        expect(decoded.records).toEqual(
          records.map(({ key, value, headers, timestamp }, offset) => ({
            ...PLACE,
            offset,
            timestamp,
            key: bytesOf(key),
            value: bytesOf(value),
            headers: headers.map(([name, header]) => [name, bytesOf(header)]),
          })),
        )
      }),
    )
  })

  it("has the same bytes as kafkajs's", async () => {
    const records = [
      { key: 'one', value: 'first', headers: [], timestamp: 1_700_000_000_500 },
      { key: '', value: null, headers: [['a', 'b'] as const], timestamp: 1_700_000_000_000 },
      { key: null, value: 'x'.repeat(300), headers: [['c', ''] as const], timestamp: 1_700_000_009_000 },
    ]
    const times = records.map(({ timestamp }) => timestamp)
    const [firstTimestamp, maxTimestamp] = [Math.min(...times), Math.max(...times)]
    const theirs = await kafkajs.batch({
      records: records.map(({ key, value, headers, timestamp }, offsetDelta) =>
        kafkajs.record({
          offsetDelta,
          timestampDelta: timestamp - firstTimestamp,
          key: bytesOf(key),
          value: bytesOf(value),
          headers: Object.fromEntries(headers),
        }),
      ),
      firstTimestamp,
      maxTimestamp,
      lastOffsetDelta: records.length - 1,
      partitionLeaderEpoch: -1,
      producerId: -1,
      producerEpoch: -1,
      firstSequence: -1,
    })
    expect(encodeBatch(records.map(toOutgoing))).toEqual(Buffer.from(theirs.buffer))
  })

  it('is never larger than the sizes of its records say', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 200 }), (records) => {
        const outgoing = records.map(toOutgoing)
        const atMost = outgoing.reduce((total, one) => total + sizeOf(one), RECORDS_AT)
        expect(encodeBatch(outgoing).length).toBeLessThanOrEqual(atMost)
      }),
    )
  })

  it.each([0, 2, 8])('is refused in version %i of the request, which has another format', (version) => {
    const data = { acks: -1, timeout: 4000, topicData: [] }
    expect(() => encodeProduceRequest(data, version)).toThrow(`Version ${version} of Produce is not supported`)
  })
})
