import { app } from '@azure/functions'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKafkaInvocation } from '../../../infra/host/kafka/kafka-invocation.ts'
import { decodeBatches } from '../../../shared/adapters/kafka/fetch/record-batch.ts'
import { createPark } from '../../../shared/application/processing/park.ts'
import { createStoreOrders } from '../../../shared/application/processing/store-orders.ts'
import { fromKafkaEvents } from '../../../shared/messaging/records/kafka-event.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import { createRedriveProofs } from '../../../shared/messaging/parking/redrive-proof.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { createRecordingLog, createRecordingStore } from '../../support/fakes.ts'
import { loadApp } from '../../support/functions/function-host.ts'
import { hostileBytes, hostileRecord, int64, utf8 } from '../../support/kafka/hostile-records.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { CODECS, encodeBatch, type BatchToEncode, type RecordToEncode } from '../../support/kafka/record-batches.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

/**
 * Arbitrary record batches, as bytes of the protocol, are decoded as in production, delivered by the host on each of
 * its invocation paths, and processed. Every order is stored, and every other record is kept, byte for byte, in one
 * dead letter.
 */

const LIMITS = { headersOfRecord: 50, objectsOfBatch: 10_000 }
const TOPICS = createTopics('orders', 'group', [10_000])
/** A small record that has more headers than LIMITS allows. */
const crowded: fc.Arbitrary<RecordToEncode> = fc.record({
  key: hostileBytes,
  value: hostileBytes,
  headers: fc.constant(Array.from({ length: LIMITS.headersOfRecord + 1 }, () => [utf8(''), null] as const)),
})
const order = fc.constant('order' as const)
const raw = fc.uint8Array({ maxLength: 30 })

const plain = fc.record({
  records: fc.array(fc.oneof({ weight: 3, arbitrary: hostileRecord }, { weight: 2, arbitrary: order }, raw, crowded), {
    maxLength: 8,
  }),
  codec: fc.constantFrom(...CODECS),
  baseTimestamp: fc.oneof(int64, fc.constantFrom(-1n, 0n, 1_700_000_000_000n, 2n ** 63n - 1n, -(2n ** 63n))),
  logAppendTime: fc.boolean(),
  fate: fc.constantFrom('plain', 'committed', 'aborted'),
  trailing: fc.nat(3),
})

/** The bytes of the batches, and the expected outcome. */
function write(parts: readonly (typeof plain extends fc.Arbitrary<infer T> ? T : never)[]) {
  const batches: BatchToEncode[] = []
  const aborted: { producerId: bigint; firstOffset: number }[] = []
  const orders = new Set<string>()
  let offset = 0
  for (const [index, { records, fate, trailing, ...of }] of parts.entries()) {
    const producerId = BigInt(index)
    const encoded = records.map((record) => {
      if (record !== 'order') return record
      const { key, value, headers } = messageOf()
      if (fate !== 'aborted') orders.add(String(key))
      const pairs = headers.map(([name, text]) => [utf8(name), text === null ? null : Buffer.from(text)] as const)
      return { key: Buffer.from(key ?? ''), value: Buffer.from(value ?? ''), headers: pairs }
    })
    const isOf = fate === 'plain' ? {} : { producerId }
    const lastOffsetDelta = Math.max(0, encoded.length - 1) + trailing
    batches.push({ ...of, ...isOf, baseOffset: offset, records: encoded, lastOffsetDelta })
    if (fate === 'aborted') aborted.push({ producerId, firstOffset: offset })
    offset += lastOffsetDelta + 1
    if (fate === 'plain') continue
    batches.push({ baseOffset: offset, producerId, control: fate === 'aborted' ? 'abort' : 'commit', records: [] })
    offset += 1
  }
  return { set: Buffer.concat(batches.map(encodeBatch)), aborted, orders, end: offset }
}

async function process(records: readonly LogRecord[], path: 'lean' | 'official') {
  const log = createRecordingLog()
  const store = createRecordingStore()
  for (const record of records) log.originals.set(`orders:0:${record.offset}`, record)
  const clock = createVirtualClock()
  const events = createPipelineEmitter()
  const common = { log, groupId: 'group', clock, events }
  const park = createPark({ ...common, timestampTypeOf: () => 'CreateTime', topics: TOPICS })
  const proofs = createRedriveProofs(['a secret for tests only'])
  const { signal } = new AbortController()
  const storeOrders = createStoreOrders({
    ...common,
    originals: { log, ordersTopic: 'orders' },
    store,
    park,
    delivered: 'origin',
    proofs,
    signal,
  })
  const { app: functionApp, get } = await loadApp(() =>
    app.generic('consume', {
      trigger: { type: 'kafkaTrigger', name: 'events' },
      handler: async (delivery: unknown) => {
        for (const portion of fromKafkaEvents(delivery)) await storeOrders(portion)
      },
    }),
  )
  if (records.length > 0) {
    await createKafkaInvocation(functionApp, path)(get('consume'), records, true, undefined)
  }
  return { stored: new Set(store.stored.keys()), published: log.published }
}

const hex = (value: Uint8Array | string | null) => (value === null ? null : Buffer.from(value).toString('hex'))

describe('any content of the topic', () => {
  it.each(['lean', 'official'] as const)(
    'stops no order, and is dead-lettered byte for byte, delivered the %s way',
    async (path) => {
      await fc.assert(
        fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 5 }), async (parts) => {
          const { set, aborted, orders, end } = write(parts)
          const place = { topic: 'orders', partition: 0, offset: 0 }
          const { records, next, unreadable } = await decodeBatches(set, place, aborted, { bytes: 2 ** 30 }, LIMITS)
          expect({ next, unreadable }).toEqual({ next: end, unreadable: undefined })
          expect(records.every(({ headers }) => headers.length <= LIMITS.headersOfRecord)).toBe(true)
          expect(records).toHaveLength(
            parts.reduce((total, { records, fate }) => total + (fate === 'aborted' ? 0 : records.length), 0),
          )
          const { stored, published } = await process(records, path)
          expect(stored).toEqual(orders)
          const others = records.filter(({ key }) => key === null || !orders.has(String(key)))
          expect(published.map(({ topic }) => topic)).toEqual(others.map(() => 'orders-dlt'))
          expect(published.map(({ record: { key, value } }) => [hex(key), hex(value)])).toEqual(
            others.map(({ key, value }) => [hex(key), hex(value)]),
          )
        }),
        { numRuns: 300 },
      )
    },
  )
})
