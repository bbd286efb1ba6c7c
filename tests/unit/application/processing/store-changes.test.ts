import { beforeEach, describe, expect, it } from 'vitest'
import { createPark } from '../../../../shared/application/processing/park.ts'
import { createStoreOrders } from '../../../../shared/application/processing/store-orders.ts'
import type { ChangeEvent, NewOrder } from '../../../../shared/domain/order-events.ts'
import type { DeliveredRecord } from '../../../../shared/messaging/records/kafka-event.ts'
import { createPipelineEmitter, type PipelineEvents } from '../../../../shared/messaging/pipeline-events.ts'
import { createRedriveProofs } from '../../../../shared/messaging/parking/redrive-proof.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { StoreBatch } from '../../../../shared/ports/order-store.ts'
import { createRecordingLog, createRecordingStore, storeIsBusy } from '../../../support/fakes.ts'
import { changeEvent, changeMessageOf, delivered, messageOf, newOrder } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const TOPICS = createTopics('orders', 'group', [10_000, 60_000])
const ONE = newOrder()
const OTHER = newOrder()
const [FIRST, SECOND, THIRD] = [changeEvent(ONE.orderId), changeEvent(ONE.orderId), changeEvent(ONE.orderId)]
const OF_OTHER = changeEvent(OTHER.orderId, { change: { kind: 'cancel' } })

let clock: ReturnType<typeof createVirtualClock>
let log: ReturnType<typeof createRecordingLog>
let store: ReturnType<typeof createRecordingStore>
let told: PipelineEvents['batch:stored'][]
let retried: PipelineEvents['delivery:retried'][]
let failed: PipelineEvents['attempt:failed'][]

beforeEach(() => {
  clock = createVirtualClock()
  log = createRecordingLog()
  store = createRecordingStore()
  told = []
  retried = []
  failed = []
})

function pipeline(kind: StoreBatch['delivered'] = 'origin') {
  const events = createPipelineEmitter()
  events.on('batch:stored', (event) => told.push(event))
  events.on('delivery:retried', (event) => retried.push(event))
  events.on('attempt:failed', (event) => failed.push(event))
  const { signal } = new AbortController()
  const timestampTypeOf = () => 'CreateTime' as const
  const park = createPark({ log, timestampTypeOf, topics: TOPICS, groupId: 'group', clock, events })
  const proofs = createRedriveProofs(['a secret for tests only'])
  const originals = { log, ordersTopic: 'orders' }
  return createStoreOrders({ originals, store, park, groupId: 'group', delivered: kind, proofs, clock, events, signal })
}

/** The events' records in the orders topic, the first at offset 0. */
const records = (...events: (NewOrder | ChangeEvent)[]): DeliveredRecord[] =>
  events.map((event, offset) => delivered('changeId' in event ? changeMessageOf(event) : messageOf(event), { offset }))
const unreadable = (record: DeliveredRecord): DeliveredRecord => ({ ...record, value: Buffer.from('{') })
const ids = (...changes: ChangeEvent[]) => changes.map(({ changeId }) => changeId)
const changesIn = (batch: StoreBatch | undefined) => batch?.changes?.map(({ changeId }) => changeId)
const holds = (change: ChangeEvent) => (batch: StoreBatch) => changesIn(batch)?.includes(change.changeId) === true
const publishedTo = (topic: string) => log.published.filter((one) => one.topic === topic).length
/** The parked records, as their retry tier delivers them. */
const copies = () => log.published.map(({ topic, record }, offset) => delivered(record, { topic, offset }))

describe('changes in a batch', () => {
  it('are stored in one call with its orders, in the order of the log', async () => {
    await pipeline()(records(ONE, FIRST, OTHER, SECOND, OF_OTHER))
    expect(store.batches).toHaveLength(1)
    expect(changesIn(store.batches[0])).toEqual(ids(FIRST, SECOND, OF_OTHER))
    expect(store.batches[0]?.orders.map(({ orderId }) => orderId)).toEqual([ONE.orderId, OTHER.orderId])
    expect(told).toMatchObject([
      { stored: [ONE.orderId, OTHER.orderId], changes: { applied: 3, refused: 0, waiting: 0, duplicates: 0 } },
    ])
  })

  it('that have to wait are reported as waiting, and cost no attempt', async () => {
    await pipeline()(records(FIRST, SECOND))
    expect(told).toMatchObject([{ stored: [], changes: { applied: 0, waiting: 2 } }])
    expect(log.published).toEqual([])
    await pipeline()(records(FIRST, SECOND, ONE).slice(2))
    expect(store.applied).toEqual(ids(FIRST, SECOND))
  })

  it('are not mentioned in a batch without any', async () => {
    await pipeline()(records(ONE))
    expect(store.batches[0]).not.toHaveProperty('changes')
    expect(told[0]).not.toHaveProperty('changes')
  })
})

describe('a change that cannot be read', () => {
  it('is dead-lettered as a change of its order, which the changes behind it wait for', async () => {
    const [placed, first, second] = records(ONE, FIRST, SECOND) as [DeliveredRecord, DeliveredRecord, DeliveredRecord]
    await pipeline()([placed, unreadable(first), second])
    expect(publishedTo('orders-dlt')).toBe(1)
    expect(store.batches.at(-1)?.parked).toMatchObject([
      { state: 'dead', orderId: ONE.orderId, order: null, change: { ...pick(FIRST), change: null } },
    ])
    expect(store.applied).toEqual([])
    expect(store.stored.has(ONE.orderId)).toBe(true)
  })

  it('does not hold up other orders', async () => {
    const [first, ...others] = records(FIRST, OTHER, OF_OTHER) as [DeliveredRecord, ...DeliveredRecord[]]
    await pipeline()([unreadable(first), ...others])
    expect(store.applied).toEqual(ids(OF_OTHER))
  })

  it('because its type is unknown is not a change, and nothing waits for it', async () => {
    const [placed, strange, second] = records(ONE, FIRST, SECOND) as [DeliveredRecord, DeliveredRecord, DeliveredRecord]
    const headers = strange.headers.map(([name, value]) =>
      name === 'ce_type' ? ([name, Buffer.from('OrderPaid.v1')] as const) : ([name, value] as const),
    )
    await pipeline()([placed, { ...strange, headers }, second])
    expect(store.batches.at(-1)?.parked).toMatchObject([{ cause: { code: 'unknown-event' } }])
    expect(store.batches.at(-1)?.parked[0]).not.toHaveProperty('change')
    expect(store.applied).toEqual(ids(SECOND))
  })
})

describe('an order that fails with its changes in the same batch', () => {
  it('is parked, its changes wait in the store without an attempt, and take effect when it is stored', async () => {
    store.failWith(({ orders }) =>
      orders.some(({ orderId }) => orderId === ONE.orderId) ? new TypeError('cannot store this one') : undefined,
    )
    await pipeline()(records(ONE, FIRST, OTHER, SECOND, OF_OTHER))
    expect(publishedTo('orders-retry-1')).toBe(1)
    expect(store.batches.at(-1)?.parked).toMatchObject([{ state: 'retrying', orderId: ONE.orderId }])
    expect(store.batches.at(-1)?.parked[0]).not.toHaveProperty('change')
    expect(changesIn(store.batches.at(-1))).toEqual(ids(FIRST, SECOND, OF_OTHER))
    expect(store.applied).toEqual(ids(OF_OTHER))

    store.failWith(() => undefined)
    await pipeline('copy')(copies())
    expect(store.applied).toEqual(ids(OF_OTHER, FIRST, SECOND))
  })
})

describe('a change that fails with others behind it', () => {
  it('is the only one to be parked: those behind it are not even tried', async () => {
    const tried: (readonly string[] | undefined)[] = []
    store.failWith((batch) => {
      if (batch.delivered === 'copy') tried.push(changesIn(batch))
      return holds(SECOND)(batch) ? new TypeError('cannot apply this one') : undefined
    })
    await pipeline()(records(ONE, OTHER, FIRST, SECOND, OF_OTHER, THIRD))
    expect(publishedTo('orders-retry-1')).toBe(1)
    expect(store.batches.at(-1)?.parked).toMatchObject([{ change: { ...pick(SECOND), change: SECOND.change } }])
    expect(store.applied.toSorted()).toEqual(ids(FIRST, OF_OTHER).toSorted())
    expect(changesIn(store.batches.at(-1))).toEqual(ids(FIRST, OF_OTHER, THIRD))
    // The third comes after the culprit, so it is stored only in the batch that says that the second is parked.
    expect(tried.filter((some) => some?.includes(THIRD.changeId) && !some.includes(SECOND.changeId))).toEqual([])

    store.failWith(() => undefined)
    await pipeline('copy')(copies())
    expect(store.applied.slice(2)).toEqual(ids(SECOND, THIRD))
  })

  it('in a retry tier is parked again alone, and nothing overtakes it', async () => {
    store.failWith((batch) => (batch.changes === undefined ? undefined : storeIsBusy()))
    await pipeline()(records(ONE, FIRST, SECOND))
    expect(publishedTo('orders-retry-1')).toBe(2)

    store.failWith((batch) => (holds(FIRST)(batch) ? new TypeError('cannot apply this one') : undefined))
    await pipeline('copy')(copies())
    expect([publishedTo('orders-retry-1'), publishedTo('orders-retry-2')]).toEqual([2, 1])
    expect(store.applied).toEqual([])

    store.failWith(() => undefined)
    await pipeline('copy')(copies().slice(2))
    expect(store.applied).toEqual(ids(FIRST, SECOND))
  })

  it.each([2, 3, 7, 16])('is found among %i orders with a change each', async (count) => {
    const orders = Array.from({ length: count }, () => newOrder())
    const changes = orders.map(({ orderId }) => changeEvent(orderId))
    const culprit = changes[count >> 1]!
    store.failWith((batch) => (holds(culprit)(batch) ? new TypeError('cannot apply this one') : undefined))
    await pipeline()(records(...orders, ...changes))
    expect(store.batches.at(-1)?.parked).toMatchObject([{ change: { changeId: culprit.changeId } }])
    expect(store.applied).toHaveLength(count - 1)
  })

  it('only when its turn comes, with the batch of its origin, is parked with the first of each order', async () => {
    store.failWith((batch) =>
      batch.delivered === 'origin' && holds(SECOND)(batch) && !batch.parked.some(isOf(FIRST))
        ? new TypeError('cannot decide this one')
        : undefined,
    )
    await pipeline()(records(ONE, OTHER, FIRST, SECOND))
    expect(store.batches.at(-1)?.parked).toMatchObject([{ change: { changeId: FIRST.changeId } }])
    expect(store.stored.size).toBe(2)
    expect(store.applied).toEqual([])
  })
})

describe('a change that the store could not decide', () => {
  const error = new TypeError('cannot decide this one')
  /** Makes the store report the change as undecided for every batch, as if its record had not been parked yet. */
  function failToDecide(change: ChangeEvent, offset: number, partition = 0): void {
    const storeBatch = store.storeBatch.bind(store)
    const undecided = [{ changeId: change.changeId, origin: { topic: 'orders', partition, offset }, error }]
    store.storeBatch = async (batch) => ({ ...(await storeBatch(batch)), undecided })
  }

  it('is parked alone, although the store keeps naming it', async () => {
    failToDecide(SECOND, 3)
    await pipeline()(records(ONE, FIRST, OTHER, SECOND, OF_OTHER))
    expect(publishedTo('orders-retry-1')).toBe(1)
    expect(store.batches).toHaveLength(2)
    expect(store.batches[1]?.parked).toMatchObject([
      { state: 'retrying', cause: { code: 'change-not-decided' }, change: { changeId: SECOND.changeId } },
    ])
    expect(changesIn(store.batches[1])).toEqual(ids(FIRST, OF_OTHER))
    expect(retried.map((one) => one.error)).toMatchObject([{ code: 'change-not-decided', cause: error }])
  })

  it('is parked from the log if it waited since an earlier batch', async () => {
    const [, first] = records(ONE, FIRST)
    log.originals.set('orders:0:1', first!)
    failToDecide(FIRST, 1)
    await pipeline()(records(ONE))
    expect(store.batches.at(-1)?.parked).toMatchObject([
      { origin: { offset: 1 }, attempt: 1, change: { changeId: FIRST.changeId, change: FIRST.change } },
    ])
  })

  it('does not hold up other orders, even if every order of two batches has one', async () => {
    const third = newOrder()
    const changes = [changeEvent(ONE.orderId), changeEvent(OTHER.orderId), changeEvent(third.orderId)]
    const storeBatch = store.storeBatch.bind(store)
    store.storeBatch = async (batch) => ({
      ...(await storeBatch(batch)),
      undecided: (batch.changes ?? []).map(({ changeId, origin }) => ({ changeId, origin, error })),
    })
    const storeOrders = pipeline()
    await storeOrders(records(...changes.slice(0, 2)))
    const before = clock.now()
    await storeOrders(records(...changes.slice(1)))
    expect(publishedTo('orders-retry-1')).toBe(4)
    expect(clock.now()).toBe(before)
  })

  it('is reported, and stops nothing, if the log no longer has its record', async () => {
    log.originals.set('orders:0:1', records(ONE, SECOND)[1]!)
    failToDecide(FIRST, 1)
    await pipeline()(records(ONE))
    expect(log.published).toEqual([])
    expect(failed.map((one) => one.error)).toEqual([error])
    expect(store.stored.has(ONE.orderId)).toBe(true)
  })

  it('stops nothing either if the topic was recreated without the partition of its record', async () => {
    failToDecide(FIRST, 1, 5)
    await pipeline()(records(ONE))
    expect(failed.map((one) => one.error)).toEqual([error])
    expect(store.stored.has(ONE.orderId)).toBe(true)
  })
})

describe('a fault of our own code', () => {
  it.each([
    ['every record', ({ orders, changes }: StoreBatch) => orders.length > 0 || changes !== undefined],
    ['every order, and none of the changes behind them', ({ orders }: StoreBatch) => orders.length > 0],
  ])('is not blamed on orders, where it fails %s', async (_, isFailing) => {
    const until = clock.now() + 120_000
    store.failWith((batch) => (clock.now() < until && isFailing(batch) ? new TypeError('a bad deploy') : undefined))
    const storeOrders = pipeline()
    await storeOrders(records(ONE, FIRST, OTHER))
    const parked = log.published.length
    const order = newOrder()
    await storeOrders(records(order, newOrder(), changeEvent(order.orderId)))
    expect(clock.now()).toBeGreaterThanOrEqual(until)
    expect(log.published).toHaveLength(parked)
  })
})

describe('a change whose id belongs to another one', () => {
  it('is parked as poison, and the batch is counted without it', async () => {
    const detail = 'This change id belongs to another change.'
    const storeBatch = store.storeBatch.bind(store)
    store.storeBatch = async (batch) => {
      const result = await storeBatch(batch)
      if (!holds(FIRST)(batch)) return result
      return {
        ...result,
        changes: (result.changes ?? []).map((outcome, index) =>
          batch.changes?.[index]?.changeId === FIRST.changeId
            ? { kind: 'rejected', code: 'order-id-reused', detail }
            : outcome,
        ),
        counted: false,
      }
    }
    await pipeline()(records(ONE, FIRST, OTHER))
    expect(publishedTo('orders-dlt')).toBe(1)
    expect(store.batches.at(-1)?.parked).toMatchObject([
      { cause: { code: 'order-id-reused', detail }, change: { changeId: FIRST.changeId } },
    ])
  })
})

function pick({ changeId, change: { kind } }: ChangeEvent) {
  return { changeId, kind }
}

function isOf({ changeId }: ChangeEvent) {
  return ({ change }: StoreBatch['parked'][number]) => change?.changeId === changeId
}
