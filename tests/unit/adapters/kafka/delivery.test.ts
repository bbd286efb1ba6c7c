import { Kafka } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createKafkaDelivery } from '../../../../shared/adapters/kafka/consume/delivery.ts'
import { logIsAway } from '../../../support/fakes.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'

const TOPIC = 'orders'
const HELD_RETRY_MS = 30_000
const KAFKA = {
  brokers: ['127.0.0.1:1'],
  securityProtocol: 'plaintext',
  saslMechanism: undefined,
  username: undefined,
  password: undefined,
  sslCa: undefined,
} as const

/** Stands in for kafkajs's consumer. A consumer that has stopped throws, as kafkajs does before it reports a crash. */
function createFakeConsumer() {
  const listeners = new Map<string, (event: object) => void>()
  const paused = new Set<number>()
  const calls = { eachBatch: async (_batch: object) => {}, hasStopped: false, leave: async () => {} }
  const consumer = {
    events: { FETCH: 'fetch', HEARTBEAT: 'heartbeat', REBALANCING: 'rebalancing', GROUP_JOIN: 'join', CRASH: 'crash' },
    on: (name: string, listener: (event: object) => void) => listeners.set(name, listener),
    connect: async () => {},
    subscribe: async () => {},
    run: async ({ eachBatch }: { eachBatch: (typeof calls)['eachBatch'] }) => void (calls.eachBatch = eachBatch),
    disconnect: () => calls.leave(),
    commitOffsets: async () => {},
    seek: () => {},
    pause: (topics: { partitions: number[] }[]) => topics.forEach(({ partitions: [one = -1] }) => paused.add(one)),
    paused: () => (paused.size === 0 || calls.hasStopped ? [] : [{ topic: TOPIC, partitions: [...paused] }]),
    resume(topics: { partitions: number[] }[]) {
      if (calls.hasStopped) throw new Error('Consumer group was not initialized, consumer#run must be called first')
      for (const { partitions } of topics) partitions.forEach((one) => paused.delete(one))
    },
  }
  return {
    consumer,
    calls,
    paused,
    tell: (name: string, payload: object = {}) => listeners.get(name)?.({ payload }),
    assign: (...partitions: number[]) =>
      listeners.get('join')?.({ payload: { memberAssignment: { [TOPIC]: partitions } } }),
    fetch: (decoded: object) =>
      calls.eachBatch({
        batch: { partition: 0, fetchedOffset: '5', messages: [{ decoded }] },
        resolveOffset: () => undefined,
      }),
  }
}

let fake: ReturnType<typeof createFakeConsumer>
let errors: unknown[]
beforeEach(() => {
  fake = createFakeConsumer()
  errors = []
  vi.spyOn(Kafka.prototype, 'consumer').mockReturnValue(fake.consumer as never)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

async function deliver(onBatch: () => Promise<void> = async () => {}) {
  const onError = (error: unknown) => void errors.push(error)
  const delivery = createKafkaDelivery(
    { groupId: 'group', topic: TOPIC, maxBatchSize: 10, onBatch, onError },
    {
      kafka: KAFKA,
      admin: {
        offsets: async () => [{ partition: 0, first: 0, end: 10 }],
        committed: async () => new Map([[0, 5]]),
      },
      sessionTimeoutMs: 15_000,
      onError,
    },
  )
  await settled()
  fake.assign(0)
  await settled()
  return delivery
}

/** Lets everything happen that waits for nothing but promises. */
const settled = () => new Promise((resolve) => setImmediate(resolve))
const UNREADABLE = { records: [], next: 5, unreadable: { from: 5, to: 6, why: 'its checksum does not match' } }

describe('a partition that is held at an unreadable batch', () => {
  it('is fetched again after a while, and still counts as held until then', async () => {
    await using delivery = await deliver()
    await fake.fetch(UNREADABLE)
    expect([...fake.paused]).toEqual([0])
    vi.advanceTimersByTime(HELD_RETRY_MS)
    expect([...fake.paused]).toEqual([])
    expect([...delivery.held.keys()]).toEqual([0])
    await fake.fetch({ records: [], next: 6 })
    expect([...delivery.held.keys()]).toEqual([])
  })

  it.each([
    ['moves to another member', () => fake.assign()],
    ['belongs to a session that fails', () => fake.tell('crash', { error: logIsAway() })],
  ])('is not held here any more when it %s, even while it is fetched again', async (_, loseIt) => {
    await using delivery = await deliver()
    await fake.fetch(UNREADABLE)
    vi.advanceTimersByTime(HELD_RETRY_MS)
    loseIt()
    await settled()
    expect([...delivery.held.keys()]).toEqual([])
  })

  it('breaks nothing when it is due while the consumer is stopping', async () => {
    await using delivery = await deliver()
    await fake.fetch(UNREADABLE)
    fake.calls.hasStopped = true
    expect(() => vi.advanceTimersByTime(HELD_RETRY_MS)).not.toThrow()
    expect([...delivery.held.keys()]).toEqual([0])
  })
})

describe('a batch that its handler rejects', () => {
  const records = [{ ...delivered(messageOf(), { offset: 5 }) }]

  it('is reported', async () => {
    await using _ = await deliver(() => Promise.reject(logIsAway()))
    await fake.fetch({ records, next: 6 })
    await settled()
    expect(errors).toEqual([logIsAway()])
  })

  it('is not reported when the handler gave it back because the process is stopping', async () => {
    const stopping = Promise.withResolvers<void>()
    const delivery = await deliver(() => stopping.promise)
    await fake.fetch({ records, next: 6 })
    await settled()
    const disposed = delivery[Symbol.asyncDispose]()
    stopping.reject(new Error('This process is stopping.'))
    await disposed
    expect(errors).toEqual([])
  })
})
