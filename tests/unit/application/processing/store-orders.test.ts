import { beforeEach, describe, expect, it } from 'vitest'
import { createPark } from '../../../../shared/application/processing/park.ts'
import { createStoreOrders } from '../../../../shared/application/processing/store-orders.ts'
import { createStoreRetries } from '../../../../shared/application/processing/store-retries.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { DeliveredRecord } from '../../../../shared/messaging/records/kafka-event.ts'
import { classify } from '../../../../shared/messaging/failure.ts'
import { nextJourney, readJourney, toParked } from '../../../../shared/messaging/parking/parking.ts'
import { createPublishedHere, type PublishedHere } from '../../../../shared/messaging/records/published-here.ts'
import { createPipelineEmitter, type PipelineEvents } from '../../../../shared/messaging/pipeline-events.ts'
import { createRedriveProofs } from '../../../../shared/messaging/parking/redrive-proof.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { StoreBatch } from '../../../../shared/ports/order-store.ts'
import {
  createRecordingLog,
  createRecordingStore,
  logIsAway,
  storeIsAway,
  storeIsBusy,
} from '../../../support/fakes.ts'
import { delivered, messageOf, newOrder } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const TOPICS = createTopics('orders', 'group', [10_000, 60_000])
const PROOFS = createRedriveProofs(['a secret for tests only'])
const MINUTE = 60_000

let clock: ReturnType<typeof createVirtualClock>
let log: ReturnType<typeof createRecordingLog>
let store: ReturnType<typeof createRecordingStore>
let stopping: AbortController
let outages: PipelineEvents['outage:began'][]
let holds: PipelineEvents['batch:held'][]

beforeEach(() => {
  clock = createVirtualClock()
  log = createRecordingLog()
  store = createRecordingStore()
  stopping = new AbortController()
  outages = []
  holds = []
})

function pipeline(kind: StoreBatch['delivered'] = 'origin', publishedHere?: PublishedHere) {
  const events = createPipelineEmitter()
  events.on('outage:began', (event) => outages.push(event))
  events.on('batch:held', (event) => holds.push(event))
  const { signal } = stopping
  const timestampTypeOf = () => 'CreateTime' as const
  const park = createPark({ log, timestampTypeOf, topics: TOPICS, groupId: 'group', clock, events })
  return createStoreOrders({
    originals: { log, ordersTopic: TOPICS.orders },
    store,
    park,
    groupId: 'group',
    delivered: kind,
    proofs: PROOFS,
    publishedHere,
    clock,
    events,
    signal,
  })
}

const good = (offset: number) => delivered(messageOf(), { offset })
const notJson = (offset: number): DeliveredRecord => ({ ...good(offset), value: Buffer.from('{') })
const topicsUsed = () => log.published.map(({ topic }) => topic)
const lastBatch = () => store.batches.at(-1)

describe('a batch of good orders', () => {
  it('is stored in one call', async () => {
    await pipeline()([good(0), good(1), good(2)])
    expect(store.batches).toHaveLength(1)
    expect(store.stored.size).toBe(3)
    expect(log.published).toEqual([])
  })

  it('is stored at most 500 at a time', async () => {
    await pipeline()(Array.from({ length: 1001 }, (_, offset) => good(offset)))
    expect(store.batches.map(({ orders }) => orders.length)).toEqual([500, 500, 1])
  })

  it('is not validated again if this process published it', async () => {
    const publishedHere = createPublishedHere()
    const unlike = { ...good(0), value: Buffer.from('{"unlike":"an order"}') }
    publishedHere.add(String(unlike.key), '{"unlike":"an order"}')
    await pipeline('origin', publishedHere)([unlike])
    expect(lastBatch()?.orders).toMatchObject([{ json: '{"unlike":"an order"}' }])
  })

  it('is decoded while the records before it are stored', async () => {
    let readAhead = 0
    log.read = async () => {
      readAhead += 1
      return []
    }
    const seen: number[] = []
    store.failWith(() => void seen.push(readAhead))
    const records = Array.from({ length: 501 }, (_, offset) => good(offset))
    await pipeline()(records.with(500, { ...good(500), lossy: true }))
    expect(store.batches.map(({ orders }) => orders.length)).toEqual([500, 1])
    expect(seen[0]).toBe(1)
  })

  it('is stored up to a record that cannot be read, and given back from there', async () => {
    log.read = async () => {
      throw logIsAway()
    }
    const records = Array.from({ length: 501 }, (_, offset) => good(offset))
    await expect(pipeline()(records.with(500, { ...good(500), lossy: true }))).rejects.toThrow()
    expect(store.batches.map(({ orders }) => orders.length)).toEqual([500])
  })

  it('is stored at most 8 MiB at a time', async () => {
    const large = (offset: number) => ({
      ...good(offset),
      value: Buffer.concat([good(offset).value ?? Buffer.of(), Buffer.alloc(3_000_000, ' ')]),
    })
    await pipeline()([large(0), large(1), large(2)])
    expect(store.batches.map(({ orders }) => orders.length)).toEqual([2, 1])
  })
})

describe('poison in a batch', () => {
  it('goes to the dead-letter topic at once, byte for byte and with its cause, and the others are stored', async () => {
    const poison = notJson(1)
    await pipeline()([good(0), poison, good(2)])
    expect(store.stored.size).toBe(2)
    expect(topicsUsed()).toEqual(['orders-dlt'])
    expect(log.published[0]?.record).toMatchObject({ key: poison.key, value: poison.value })
    expect(lastBatch()?.parked).toMatchObject([
      {
        origin: { topic: 'orders', partition: 0, offset: 1 },
        state: 'dead',
        attempt: 1,
        cause: { code: 'undecodable-record' },
      },
    ])
  })

  it('is safe in the dead-letter topic before the store counts it', async () => {
    const order: string[] = []
    log.refuseWith(() => void order.push('parked'))
    store.failWith(() => void order.push('counted'))
    await pipeline()([notJson(0)])
    expect(order).toEqual(['parked', 'counted'])
  })

  it('is read again from the log when its text lost bytes on the way', async () => {
    const value = Buffer.from([0x7b, 0xff, 0xfe])
    log.originals.set('orders:0:4', { ...good(4), value })
    await pipeline()([{ ...good(4), value: Buffer.from('{\ufffd\ufffd'), lossy: true }])
    expect(log.published[0]?.record.value).toEqual(value)
  })

  it('that only the store can detect is parked as well, and then the batch is counted', async () => {
    const event = newOrder()
    const reused = newOrder({ orderId: event.orderId, data: { ...event.data, totalPrice: 1 } })
    await pipeline()([delivered(messageOf(event), { offset: 0 }), delivered(messageOf(reused), { offset: 1 }), good(2)])
    expect(topicsUsed()).toEqual(['orders-dlt'])
    expect(lastBatch()?.orders).toHaveLength(2)
    expect(lastBatch()?.parked).toMatchObject([{ state: 'dead', cause: { code: 'order-id-reused' } }])
  })
})

describe('a store that asks for a minimum delay before the next attempt', () => {
  const throttled = (code: 'store-busy' | 'store-unavailable') =>
    new OrderError(code, 'Come again in ten seconds.', { retriable: true, retryAfterSeconds: 10 })

  it.each(['store-busy', 'store-unavailable'] as const)('gets it, when it says %s', async (code) => {
    const triedAt: number[] = []
    store.failWith(() => (triedAt.push(clock.now()) === 1 ? throttled(code) : undefined))
    await pipeline()([good(0)])
    expect(triedAt).toHaveLength(2)
    expect(triedAt[1]! - triedAt[0]!).toBeGreaterThanOrEqual(10_000)
    expect(log.published).toEqual([])
  })
})

describe('a transient failure', () => {
  it('is tried again in place, and nothing is parked when it passes', async () => {
    let failures = 2
    store.failWith(() => (failures-- > 0 ? storeIsBusy() : undefined))
    await pipeline()([good(0), good(1)])
    expect(store.stored.size).toBe(2)
    expect(log.published).toEqual([])
  })

  it('of one order sends that order to the first retry topic, and the others are stored', async () => {
    const culprit = good(5)
    const isHit = (batch: StoreBatch) => batch.orders.some(({ origin }) => origin.offset === 5)
    store.failWith((batch) => (isHit(batch) ? new TypeError('cannot read this one') : undefined))
    await pipeline()(Array.from({ length: 16 }, (_, offset) => (offset === 5 ? culprit : good(offset))))
    expect(store.stored.size).toBe(15)
    expect(topicsUsed()).toEqual(['orders-retry-1'])
    expect(lastBatch()).toMatchObject({
      delivered: 'origin',
      parked: [{ state: 'retrying', attempt: 1, maxAttempts: 3 }],
    })
    expect(lastBatch()?.orders).toHaveLength(15)
    const parked = delivered(log.published[0]!.record, { topic: 'orders-retry-1', offset: 0 })
    expect(readJourney(parked)?.notBefore).toBeGreaterThanOrEqual(clock.now() + 10_000 - 1)
  })

  it('an order that goes through every retry tier ends up in the dead-letter topic, with its first and last failure', async () => {
    store.failWith((batch) => (batch.orders.length > 0 ? storeIsBusy() : undefined))
    await pipeline()([good(0)])
    await pipeline('copy')([delivered(log.published[0]!.record, { topic: 'orders-retry-1', offset: 0 })])
    store.failWith((batch) => (batch.orders.length > 0 ? new TypeError('a fault of ours') : undefined))
    await pipeline('copy')([delivered(log.published[1]!.record, { topic: 'orders-retry-2', offset: 0 })])
    expect(topicsUsed()).toEqual(['orders-retry-1', 'orders-retry-2', 'orders-dlt'])
    const dead = readJourney(delivered(log.published[2]!.record, { topic: 'orders-dlt', offset: 0 }))
    expect(dead).toMatchObject({ attempt: 3, maxAttempts: 3, notBefore: null, origin: { topic: 'orders', offset: 0 } })
    expect([dead?.first.cause.code, dead?.last.cause.code]).toEqual(['store-busy', 'internal'])
    expect(lastBatch()).toMatchObject({ delivered: 'copy', parked: [{ state: 'dead', attempt: 3 }] })
  })
})

describe('an outage of the store', () => {
  it('of three minutes: the batch is held, nothing is parked, and everything is stored afterwards', async () => {
    const until = clock.now() + 3 * MINUTE
    store.failWith(() => (clock.now() < until ? storeIsAway() : undefined))
    await pipeline()(Array.from({ length: 2000 }, (_, offset) => good(offset)))
    expect(store.stored.size).toBe(2000)
    expect(log.published).toEqual([])
    expect(outages).toMatchObject([{ of: 'store', cause: { code: 'store-unavailable' } }])
  })

  it('of hours gives the batch back to be delivered again, and still parks nothing', async () => {
    store.failWith(storeIsAway)
    await expect(pipeline()([good(0)])).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
    expect(log.published).toEqual([])
  })

  it('that begins during the search for culprits blames no order', async () => {
    let calls = 0
    store.failWith(() => {
      calls += 1
      if (calls <= 4) return storeIsBusy()
      return calls < 8 ? storeIsAway() : undefined
    })
    await expect(pipeline()([good(0), good(1)])).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(log.published).toEqual([])
  })

  it('is probed less and less often', async () => {
    const probes: number[] = []
    store.failWith(() => {
      probes.push(clock.now())
      return storeIsAway()
    })
    await expect(pipeline()([good(0)])).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(probes.length).toBeLessThan(150)
  })
})

describe('a store that is busy for all', () => {
  it.each([1, 2, 16])(
    'is an outage, even for a batch of %i: nothing is parked, and all is stored when it is over',
    async (count) => {
      const until = clock.now() + 3 * MINUTE
      store.failForAllWith(() => (clock.now() < until ? storeIsBusy() : undefined))
      const sizes = new Set<number>()
      store.failWith(({ orders }) => {
        sizes.add(orders.length)
        return clock.now() < until ? storeIsBusy() : undefined
      })
      await pipeline()(Array.from({ length: count }, (_, offset) => good(offset)))
      expect(store.stored.size).toBe(count)
      expect(log.published).toEqual([])
      // The batch is not split either, because that would ask a busy store for even more transactions.
      expect([...sizes]).toEqual([count])
      expect(outages).toMatchObject([{ of: 'store', cause: { code: 'store-unavailable' } }])
    },
  )

  it('for hours gives the batch back to be delivered again, and still parks nothing', async () => {
    store.failForAllWith(storeIsBusy)
    await expect(pipeline('copy')([good(0)])).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
    expect(log.published).toEqual([])
  })

  it('during the search for culprits blames only the orders found before', async () => {
    let calls = 0
    const isHit = (batch: StoreBatch) => batch.orders.some(({ origin }) => origin.offset === 0)
    const until = clock.now() + 3 * MINUTE
    store.failWith((batch) => {
      calls += 1
      if (isHit(batch)) return new TypeError('cannot read this one')
      if (calls === 10) store.failForAllWith(() => (clock.now() < until ? storeIsBusy() : undefined))
      return calls >= 10 ? storeIsBusy() : undefined
    })
    await pipeline()(Array.from({ length: 8 }, (_, offset) => good(offset)))
    expect(lastBatch()?.parked.map(({ origin }) => origin.offset)).toEqual([0])
    expect(store.stored.size).toBe(7)
  })
})

describe('a store that is slow for all', () => {
  it('during the search for culprits gives the batch back in time, without asking order by order for hours', async () => {
    let calls = 0
    store.failWith(() => {
      calls += 1
      clock.advance(15_000)
      return storeIsBusy()
    })
    await expect(pipeline()(Array.from({ length: 500 }, (_, offset) => good(offset)))).rejects.toMatchObject({
      code: 'store-unavailable',
      retriable: true,
    })
    expect(calls).toBeLessThan(30)
    expect(log.published).toEqual([])
  })
})

describe('an outage of the log while parking', () => {
  it('is held: the poison is neither lost nor counted before it is safe', async () => {
    const until = clock.now() + 2 * MINUTE
    log.refuseWith(() => (clock.now() < until ? logIsAway() : undefined))
    await pipeline()([notJson(0), good(1)])
    expect(topicsUsed()).toEqual(['orders-dlt'])
    expect(outages).toMatchObject([{ of: 'log' }])
    expect(store.stored.size).toBe(1)
  })
})

describe('a culprit that cannot be parked', () => {
  it('keeps its whole batch from being counted, though the good orders are stored already', async () => {
    const isHit = (batch: StoreBatch) => batch.orders.some(({ origin }) => origin.offset === 5)
    store.failWith((batch) => (isHit(batch) ? new TypeError('cannot read this one') : undefined))
    log.refuseWith(logIsAway)
    const batch = Array.from({ length: 8 }, (_, offset) => good(offset))
    await expect(pipeline()(batch)).rejects.toMatchObject({ code: 'log-unavailable' })
    expect(store.stored.size).toBe(7)
    expect(store.batches.map(({ delivered: how }) => how)).not.toContain('origin')
  })
})

describe('culprits in a batch', () => {
  it.each([[[0]], [[15]], [[0, 15]], [[7, 8]], [[3, 4, 12]]])(
    'at %j are found, wherever they are',
    async (culprits) => {
      store.failWith((batch) => {
        const isHit = batch.orders.some(({ origin }) => culprits.includes(origin.offset))
        return isHit ? new TypeError('cannot read these') : undefined
      })
      await pipeline()(Array.from({ length: 16 }, (_, offset) => good(offset)))
      expect(store.stored.size).toBe(16 - culprits.length)
      expect(
        lastBatch()
          ?.parked.map(({ origin }) => origin.offset)
          .toSorted((one, other) => one - other),
      ).toEqual(culprits)
      expect(lastBatch()?.orders).toHaveLength(16 - culprits.length)
    },
  )
})

describe('a record that is too large to park', () => {
  it('loses its stack first, and keeps its bytes when that is enough', async () => {
    const isRefused = ({ headers }: { headers: readonly (readonly [string, unknown])[] }) =>
      headers.some(([name]) => name === 'oep-failure-stack')
    log.refuseWith((_, records) =>
      records.some(isRefused) ? new OrderError('record-too-large', 'too large') : undefined,
    )
    store.failWith((batch) => (batch.orders.length > 0 ? new TypeError('a fault of ours') : undefined))
    const record = good(3)
    await pipeline()([record])
    expect(log.published.map(({ record: { value } }) => value)).toEqual([record.value])
  })

  it('does not keep the records that are parked with it from being parked', async () => {
    log.refuseWith((_, records) => {
      const isTooLarge = records.some(({ value }) => value !== null && value.length > 100)
      return isTooLarge ? new OrderError('record-too-large', 'too large') : undefined
    })
    const large = { ...notJson(1), value: Buffer.alloc(101, 'x') }
    await pipeline()([notJson(0), large, notJson(2)])
    expect(log.published.map(({ record }) => record.value?.length ?? null)).toEqual([1, 1, null])
    expect(lastBatch()?.parked).toHaveLength(3)
  })

  it('is parked as a stub that names its origin', async () => {
    log.refuseWith((_, records) =>
      records.some(({ value }) => value !== null) ? new OrderError('record-too-large', 'too large') : undefined,
    )
    await pipeline()([notJson(3)])
    expect(log.published).toHaveLength(1)
    expect(readJourney(delivered(log.published[0]!.record, { topic: 'orders-dlt', offset: 0 }))?.origin.offset).toBe(3)
  })
})

describe('an outage of the log while records are parked', () => {
  it('leads to sending again only the records that are not durable yet', async () => {
    const sent: string[] = []
    let isAway = true
    log.refuseWith((_, records) => {
      const values = records.map(({ value }) => String(value))
      sent.push(...values)
      if (!isAway || !values.includes('no')) return undefined
      isAway = false
      return logIsAway()
    })
    await pipeline()([notJson(0), { ...notJson(1), value: Buffer.from('no') }, notJson(2)])
    expect(sent).toEqual(['{', 'no', '{', 'no'])
  })
})

describe('a bug in our own code', () => {
  it('that fails every record of two batches in a row is held like an outage, and no order is dead-lettered for it', async () => {
    const until = clock.now() + 2 * MINUTE
    store.failWith((batch) =>
      clock.now() < until && batch.orders.length > 0 ? new TypeError('a bad deploy') : undefined,
    )
    const storeOrders = pipeline()
    await storeOrders([good(0), good(1)])
    expect(topicsUsed()).toEqual(['orders-retry-1', 'orders-retry-1'])
    expect(holds).toEqual([])
    await storeOrders([good(2), good(3)])
    expect(holds).toMatchObject([{ topic: 'orders', records: 2, cause: { code: 'internal' } }])
    expect(clock.now()).toBeGreaterThanOrEqual(until)
    expect(topicsUsed()).toEqual(['orders-retry-1', 'orders-retry-1'])
    expect(store.stored.size).toBe(2)
  })
})

describe('two failing batches with a good one in between', () => {
  it('are batches with culprits, not an outage', async () => {
    const isFailing = (batch: StoreBatch) => batch.orders.some(({ origin }) => origin.offset >= 10)
    store.failWith((batch) => (isFailing(batch) ? new TypeError('a fault of ours') : undefined))
    const storeOrders = pipeline()
    await storeOrders([good(10), good(11)])
    await storeOrders([good(0), good(1)])
    await storeOrders([good(12), good(13)])
    expect(topicsUsed()).toEqual(Array.from({ length: 4 }, () => 'orders-retry-1'))
    expect(store.stored.size).toBe(2)
  })
})

describe('a process that stops', () => {
  it('ends its hold at once and gives the batch back', async () => {
    store.failWith(() => {
      stopping.abort(new OrderError('shutting-down', 'stopping', { retriable: true }))
      return storeIsAway()
    })
    await expect(pipeline()([good(0)])).rejects.toMatchObject({ code: 'shutting-down' })
    expect(log.published).toEqual([])
  })
})

describe('a stub in a retry topic', () => {
  it('is stored from its origin, which has its value and headers', async () => {
    const original = good(3)
    log.originals.set('orders:0:3', original)
    store.failWith((batch) => (batch.orders.length > 0 ? storeIsBusy() : undefined))
    log.refuseWith((_, records) =>
      records.some(({ value }) => value !== null) ? new OrderError('record-too-large', 'too large') : undefined,
    )
    await pipeline()([original])
    expect(log.published).toMatchObject([{ topic: 'orders-retry-1', record: { value: null } }])

    store.failWith(() => undefined)
    await pipeline('copy')([delivered(log.published[0]!.record, { topic: 'orders-retry-1', offset: 0 })])
    expect([...store.stored.values()].map(({ origin }) => origin)).toEqual([
      { topic: 'orders', partition: 0, offset: 3 },
    ])
    expect(log.published).toHaveLength(1)
  })

  it('is dead-lettered with that cause when its original has left the log', async () => {
    const next = { attempt: 1, maxAttempts: 4, notBefore: 0, groupId: 'order-processor', nowMs: 0 }
    const journey = nextJourney(good(3), classify(storeIsBusy()), { ...next, timestampType: 'LogAppendTime' })
    await pipeline('copy')([delivered(toParked(good(3), journey, 'stub'), { topic: 'orders-retry-1', offset: 0 })])
    const cause = {
      code: 'undecodable-record',
      detail: expect.stringContaining('the log no longer has the record there'),
    }
    expect(lastBatch()).toMatchObject({ orders: [], parked: [{ origin: { offset: 3 }, state: 'dead', cause }] })
    expect(log.published[0]?.record.headers.map(([name]) => name)).toContain('oep-stub')
  })
})

describe('a copy of a parked record in the orders topic, with all of its headers', () => {
  const origin = { topic: 'orders', partition: 0, offset: 7 }

  /** The record as it is in the dead-letter topic, copied to offset 7 of the orders topic. */
  async function copied(original: DeliveredRecord): Promise<DeliveredRecord> {
    await pipeline()([original])
    const { record } = log.published.at(-1)!
    return delivered(record, { offset: 7 })
  }

  it('is a record with its own position, which has not failed yet', async () => {
    const copy = await copied(notJson(3))
    await pipeline()([copy])
    expect(lastBatch()?.parked).toMatchObject([{ origin, attempt: 1, state: 'dead' }])
    const parked = delivered(log.published.at(-1)!.record, { topic: 'orders-dlt', offset: 1 })
    expect(readJourney(parked)).toMatchObject({ origin, attempt: 1 })
  })

  it('is stored under its own position', async () => {
    const { headers } = await copied(notJson(3))
    await pipeline()([
      { ...good(7), headers: [...good(7).headers, ...headers.filter(([name]) => name.startsWith('oep-'))] },
    ])
    expect(lastBatch()?.orders).toMatchObject([{ origin, redriveOf: null, supersedes: null }])
  })

  it('is stored by its content, though its headers say that its value is elsewhere', async () => {
    const stub = { ...good(7), value: null, headers: [['oep-stub', Buffer.from('elsewhere')]] as const }
    log.originals.set('orders:0:3', good(3))
    await pipeline()([{ ...stub, headers: [...stub.headers, ...(await copied(notJson(3))).headers] }])
    expect(lastBatch()).toMatchObject({
      orders: [],
      parked: [{ origin, cause: { detail: 'The record has no value.' } }],
    })
  })

  it('redrives nothing, although the original did', async () => {
    const redriven = PROOFS.prove({ ...messageOf(), value: '{', headers: [['oep-redrive-of', 'orders:0:1']] })
    const copy = await copied(delivered(redriven, { offset: 3 }))
    expect(lastBatch()?.parked).toMatchObject([{ redriveOf: 'orders:0:1' }])
    expect(copy.headers.map(([name]) => name)).toContain('oep-redrive-of')
    await pipeline()([copy])
    expect(lastBatch()?.parked).toMatchObject([{ origin, redriveOf: null }])
  })

  it('redrives nothing when the letter belongs to another installation', async () => {
    const other = createRedriveProofs(['the secret of another installation'])
    const event = newOrder()
    const plain = messageOf(event)
    const marked = { ...plain, headers: [...plain.headers, ['oep-redrive-of', 'orders:0:1'] as const] }
    await pipeline()([delivered(other.prove(marked), { offset: 7 }), delivered(PROOFS.prove(marked), { offset: 8 })])
    expect(lastBatch()?.orders).toMatchObject([{ redriveOf: null }, { redriveOf: 'orders:0:1' }])
  })
})

describe('a retry tier', () => {
  const dueAt: number[] = []
  beforeEach(() => dueAt.splice(0))

  const tier = () =>
    createStoreRetries({
      storeOrders: async (records) => void dueAt.push(...records.map(() => clock.now())),
      delayMs: 10_000,
      clock,
      signal: stopping.signal,
    })
  const parkedFor = (offset: number, notBefore: number): DeliveredRecord => ({
    ...good(offset),
    headers: [
      ['oep-origin-topic', Buffer.from('orders')],
      ['oep-origin-partition', Buffer.from('0')],
      ['oep-origin-offset', Buffer.from(String(offset))],
      ['oep-not-before', Buffer.from(String(notBefore))],
    ],
  })

  it('stores due records at once and the rest when they become due', async () => {
    const start = clock.now()
    await tier()([parkedFor(2, start + 5000), parkedFor(0, start - 1), parkedFor(1, start)])
    expect(dueAt).toEqual([start, start, start + 5000])
  })

  it('holds no record longer than its delay, whatever the header says', async () => {
    const start = clock.now()
    await tier()([parkedFor(0, 8_999_999_999_999_999), parkedFor(1, start + 2000)])
    expect(dueAt).toEqual([start + 2000, start + 10_000])
  })

  it.each(['stored', 'parked again'])('decodes the journey of a record that is %s once', async (outcome) => {
    let decoded = 0
    class Text extends Uint8Array {
      override get buffer() {
        decoded += 1
        return super.buffer
      }
    }
    const storeOrders = pipeline('copy')
    if (outcome !== 'stored') store.failWith((batch) => (batch.orders.length > 0 ? storeIsBusy() : undefined))
    const { signal } = stopping
    const storeRetries = createStoreRetries({ storeOrders, delayMs: 10_000, clock, signal })
    const parked = parkedFor(0, clock.now() + 5000)
    await storeRetries([
      { ...parked, headers: [...good(0).headers, ...parked.headers, ['oep-failure-stack', new Text(5)]] },
    ])
    expect(topicsUsed()).toEqual(outcome === 'stored' ? [] : ['orders-retry-2'])
    expect(decoded).toBe(1)
  })
})
