import { expect, test, vi } from 'vitest'
import {
  createDeliveryWatch,
  LOOK_MS,
  type WatchedSource,
} from '../../../../shared/application/processing/delivery-watch.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import type { GroupMember } from '../../../../shared/ports/event-log.ts'
import { logIsAway } from '../../../support/fakes.ts'
import { delivered, messageOf } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const MINUTE = 60_000
const ORDERS: WatchedSource = { topic: 'orders', group: 'group', delayMs: 0 }
const RETRY: WatchedSource = { topic: 'orders-retry-1', group: 'group-retry-1', delayMs: 25 * MINUTE }
const here = (...partitions: number[]): GroupMember => ({ address: '10.0.0.1', isHere: true, partitions })
const there = (...partitions: number[]): GroupMember => ({ address: '10.0.0.2', isHere: false, partitions })

/** A topic with two partitions. Each has five records, of which the group has committed three. Nothing moves. */
function createWorld(...sources: readonly WatchedSource[]) {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const events = createPipelineEmitter()
  const told: string[] = []
  events.on('delivery:stalled', ({ topic, partition, offset }) => told.push(`${topic}:${partition}:${offset}`))
  events.on('delivery:unreadable', ({ topic, partition, offset }) =>
    told.push(`${topic}:${partition}:${offset} cannot be read`),
  )
  events.on('delivery:resumed', ({ topic }) => told.push(`${topic} goes on`))
  const world = {
    partitions: [0, 1],
    committed: [3, 3] as [number, number],
    available: { log: true, store: true },
    members: [here(0), there(1)] as GroupMember[],
    readable: true,
    /** Partitions whose next batch cannot be decoded. */
    undecodable: [] as number[],
    /** Whether the log's health reports these partitions. */
    isTold: false,
    /** Topics whose records have all been processed. */
    done: [] as string[],
    fails: false,
    errors: [] as unknown[],
    told,
    clock,
    /** Runs the checks for this long, and calls `meanwhile` after each one. */
    async passes(ms: number, meanwhile: () => unknown = () => undefined) {
      const end = clock.now() + ms
      clock.sleep = async (duration) => {
        clock.advance(duration)
        await meanwhile()
        if (clock.now() >= end) stopping.abort()
      }
      await watch.run()
      return watch.stall
    },
  }
  const watch = createDeliveryWatch({
    log: {
      health: async () => ({ available: world.available.log, ...(world.isTold && { unreadable: ['A line.'] }) }),
      async committed(_, topic) {
        if (world.fails) throw logIsAway()
        return new Map(world.done.includes(topic) ? [5, 5].entries() : world.committed.entries())
      },
      offsets: async () => world.partitions.map((partition) => ({ partition, first: 0, end: 5 })),
      async read(topic, partition, offset) {
        const unreadable = { from: offset, to: offset + 1 }
        const error = new OrderError('log-unreadable', `A batch in partition ${partition} cannot be decoded.`, {
          unreadable,
        })
        if (world.undecodable.includes(partition)) throw error
        return world.readable ? [delivered(messageOf(), { topic, partition, offset })] : []
      },
      members: async () => world.members,
    },
    store: { health: async () => ({ available: world.available.store }) },
    sources: sources.length > 0 ? sources : [ORDERS],
    clock,
    events,
    signal: stopping.signal,
    onError: (error) => world.errors.push(error),
  })
  return { world, watch }
}

test('waiting records that are not delivered are reported once, after ten minutes', async () => {
  const { world } = createWorld()
  const before: unknown[] = []
  const stall = await world.passes(20 * MINUTE, () => before.push(world.told.length))
  expect(stall).toMatchObject({ topic: 'orders', partition: 0, offset: 3 })
  expect(stall?.waitingMs).toBeGreaterThanOrEqual(10 * MINUTE)
  expect(world.told).toEqual(['orders:0:3'])
  expect(before.filter((count) => count === 0)).toHaveLength((10 * MINUTE) / LOOK_MS)
})

test('an empty group is not this process’s stall', async () => {
  const { world } = createWorld()
  world.members = []
  expect(await world.passes(11 * MINUTE)).toMatchObject({ partition: 0, offset: 3 })
})

test('partitions of machines whose addresses cannot be compared do not count either', async () => {
  const { world } = createWorld()
  world.members = [there(0, 1)]
  expect(await world.passes(11 * MINUTE)).toMatchObject({ partition: 0, offset: 3 })
})

test.each([
  ['another machine holds the partitions', (world: World) => (world.members = [here(), there(0, 1)])],
  ['the group rebalances', (world: World) => (world.members = [here(), there()])],
  ['what waits cannot be read, as in an open transaction', (world: World) => (world.readable = false)],
  ['the store is unavailable', (world: World) => (world.available.store = false)],
  ['the log is unavailable', (world: World) => (world.available.log = false)],
  ['nobody can be asked', (world: World) => (world.fails = true)],
  ['nothing waits', (world: World) => (world.committed = [5, 5])],
])('nothing is reported while %s', async (_, change) => {
  const { world } = createWorld()
  change(world)
  expect(await world.passes(60 * MINUTE)).toBeUndefined()
  expect(world.told).toEqual([])
  expect(world.errors.length > 0).toBe(world.fails)
})
type World = ReturnType<typeof createWorld>['world']

test('an outage restarts the clock', async () => {
  const { world } = createWorld()
  let looks = 0
  const stall = await world.passes(18 * MINUTE, () => (world.available.store = ++looks !== (9 * MINUTE) / LOOK_MS))
  expect(stall).toBeUndefined()
  expect(world.told).toEqual([])
})

test('an unanswered question restarts it too', async () => {
  const { world } = createWorld()
  let looks = 0
  const stall = await world.passes(18 * MINUTE, () => (world.fails = ++looks === (9 * MINUTE) / LOOK_MS))
  expect([stall, world.errors]).toEqual([undefined, [logIsAway()]])
})

test('a batch that is held for any length of time does not count as waiting', async () => {
  const { world, watch } = createWorld()
  const batch = Promise.withResolvers<void>()
  const held = watch.watched('orders', () => batch.promise)([])
  expect(await world.passes(120 * MINUTE)).toBeUndefined()
  batch.resolve()
  await held
})

test('a batch passes through unchanged', async () => {
  const { watch } = createWorld()
  const useCase = vi.fn<(...delivery: unknown[]) => Promise<void>>(async () => undefined)
  await watch.watched('orders', useCase)([], 5)
  expect(useCase.mock.calls).toEqual([[[], 5]])
})

test('a batch that arrived and failed restarts the clock', async () => {
  const { world, watch } = createWorld()
  const useCase = watch.watched('orders', async () => Promise.reject(logIsAway()))
  expect(await world.passes(60 * MINUTE, () => useCase([]).catch(() => undefined))).toBeUndefined()
})

test('a batch of another topic does not count for this one', async () => {
  const { world, watch } = createWorld()
  const useCase = watch.watched('orders-dlt', async () => undefined)
  expect(await world.passes(11 * MINUTE, () => useCase([]))).toMatchObject({ topic: 'orders' })
})

test('commits of other members count as progress', async () => {
  const { world } = createWorld()
  let looks = 0
  const commits = () => (world.committed = ++looks % 15 === 0 ? [4, 4] : looks % 7 === 0 ? [3, 3] : world.committed)
  expect(await world.passes(60 * MINUTE, commits)).toBeUndefined()
})

test('a retry topic may wait for its delay in addition', async () => {
  expect(await createWorld(RETRY).world.passes(35 * MINUTE)).toBeUndefined()
  expect(await createWorld(RETRY).world.passes(36 * MINUTE)).toMatchObject({ topic: 'orders-retry-1' })
})

test('a suspended machine has not waited', async () => {
  const { world } = createWorld()
  let looks = 0
  const suspend = () => void (++looks === 4 && world.clock.advance(8 * 60 * MINUTE))
  expect(await world.passes(8 * 60 * MINUTE + 9 * MINUTE, suspend)).toBeUndefined()
})

test('redelivery of the records ends it', async () => {
  const { world } = createWorld()
  const stall = await world.passes(20 * MINUTE, () => world.told.length > 0 && (world.committed = [5, 5]))
  expect(stall).toBeUndefined()
  expect(world.told).toEqual(['orders:0:3', 'orders goes on'])
})

test('a rebalance withdraws nothing before it is over', async () => {
  const { world } = createWorld()
  const rebalance = () => world.told.length > 0 && (world.members = [here(), there()])
  expect(await world.passes(20 * MINUTE, rebalance)).toMatchObject({ partition: 0, offset: 3 })
  expect(world.told).toEqual(['orders:0:3'])
})

test('a batch that cannot be decoded is not a stall; it is reported once, while the group stays there', async () => {
  const { world, watch } = createWorld()
  world.undecodable = [0, 1]
  const known: (readonly string[])[] = []
  const move = () => {
    known.push(watch.unreadable)
    if (known.length === (20 * MINUTE) / LOOK_MS) world.committed = [4, 4]
  }
  expect(await world.passes(25 * MINUTE, move)).toBeUndefined()
  // Another machine owns the other partition.
  expect(world.told).toEqual(['orders:0:3 cannot be read'])
  expect(known[(15 * MINUTE) / LOOK_MS]).toEqual(['A batch in partition 0 cannot be decoded.'])
  expect(watch.unreadable).toEqual([])
})

test('it is reported even while other partitions are delivered', async () => {
  const { world, watch } = createWorld()
  world.undecodable = [0]
  const useCase = watch.watched('orders', async () => undefined)
  expect(await world.passes(20 * MINUTE, () => useCase([]))).toBeUndefined()
  expect(world.told).toEqual(['orders:0:3 cannot be read'])
})

test('it is forgotten when the topic is recreated without its partition', async () => {
  const { world, watch } = createWorld()
  world.undecodable = [1]
  world.committed = [5, 3]
  world.members = [here(0, 1)]
  const known: (readonly string[])[] = []
  await world.passes(30 * MINUTE, () => {
    known.push(watch.unreadable)
    if (known.length === (20 * MINUTE) / LOOK_MS) world.partitions = [0]
  })
  expect(known[(15 * MINUTE) / LOOK_MS]).toEqual(['A batch in partition 1 cannot be decoded.'])
  expect([watch.unreadable, world.errors]).toEqual([[], []])
})

test('it is not reported again if a consumer of this process has reported it', async () => {
  const { world, watch } = createWorld()
  world.undecodable = [0]
  world.isTold = true
  expect(await world.passes(60 * MINUTE)).toBeUndefined()
  expect([world.told, watch.unreadable, world.errors]).toEqual([[], [], []])
})

test('a partition that cannot be decoded does not hide another', async () => {
  const { world } = createWorld()
  world.members = [here(0, 1)]
  world.undecodable = [0]
  expect(await world.passes(11 * MINUTE)).toMatchObject({ partition: 1, offset: 3 })
  expect(world.errors).toEqual([])
})

test('an outage withdraws the report, because a restart does not end an outage', async () => {
  const { world } = createWorld()
  const stall = await world.passes(20 * MINUTE, () => (world.fails = world.told.length > 0))
  expect(stall).toBeUndefined()
  expect(world.told).toEqual(['orders:0:3', 'orders goes on'])
})

test('each topic is reported when one progresses and another waits', async () => {
  const { world } = createWorld(ORDERS, { ...ORDERS, topic: 'others' })
  const stall = await world.passes(12 * MINUTE, () => world.told.length > 0 && (world.done = ['orders']))
  expect(stall).toMatchObject({ topic: 'others' })
  expect(world.told).toEqual(['orders:0:3', 'orders goes on', 'others:0:3'])
})

test('a process that consumes nothing never checks', async () => {
  const health = vi.fn<() => Promise<{ available: boolean }>>()
  const watch = createDeliveryWatch({
    log: { health, committed: vi.fn(), offsets: vi.fn(), read: vi.fn(), members: vi.fn() },
    store: { health },
    sources: [],
    clock: createVirtualClock(),
    events: createPipelineEmitter(),
    signal: new AbortController().signal,
    onError: vi.fn(),
  })
  await watch.run()
  expect(health).not.toHaveBeenCalled()
})
