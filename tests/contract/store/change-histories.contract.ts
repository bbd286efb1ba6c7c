import { describe, expect, test } from 'vitest'
import { decide, evolve, type Order } from '../../../shared/domain/order.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import type { ChangeToStore, OrderToStore, ParkedRecord } from '../../../shared/ports/order-store.ts'
import { createRandom, seedOfThisRun, type Random } from '../../support/random.ts'
import {
  batchOf,
  changeAt,
  changeLetterOf,
  GROUP,
  letterIdOf,
  letterOf,
  lineOf,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenEmptyStore,
  type OpenStore,
} from '../store-fixtures.ts'

type Event = OrderToStore | ChangeToStore
const isChange = (event: Event): event is ChangeToStore => 'changeId' in event
const isOrder = (event: Event): event is OrderToStore => !isChange(event)

const ORDERS = 5
const EVENTS = 60
/** Steps with failures; after them every delivery succeeds. */
const STEPS = 150
const NAMES = ['A', 'B', 'C', 'D', 'E', 'F']

/** The records of one partition: orders, each followed by changes of it among those of the others. */
function randomLog(random: Random): Event[] {
  const orders = Array.from({ length: ORDERS }, (_, offset) => orderAt(offset))
  const changes = Array.from({ length: EVENTS }, (_, index) => {
    const expectedVersion = random.chance(0.2) ? { expectedVersion: random.whole(1, 4) } : {}
    const change: OrderChange = random.chance(0.08)
      ? { kind: 'cancel', ...expectedVersion }
      : { kind: 'amend', amendment: { customerName: random.pick(NAMES) }, ...expectedVersion }
    return changeAt(ORDERS + index, random.pick(orders), change)
  })
  return [...orders, ...changes]
}

/** What becomes of each order and change, by the log alone. */
function foldOf(log: readonly Event[]) {
  const orders = new Map<string, Order>()
  const changes = new Map<string, string | number>()
  for (const event of log) {
    const order = orders.get(event.orderId)
    if (!isChange(event)) orders.set(event.orderId, evolve(order, { kind: 'placed', content: event.order }))
    else if (order !== undefined) {
      const decided = decide(order, event.change, event.acceptedAt)
      if (decided.kind !== 'refused') orders.set(event.orderId, evolve(order, decided))
      changes.set(event.changeId, decided.kind === 'refused' ? decided.code : order.version + 1)
    }
  }
  return { orders, changes }
}

interface Copy {
  readonly event: Event
  readonly attempt: number
}

/**
 * Delivers a log as consumers do: in batches that may be delivered again or whose process dies before it stores them, with
 * records that are retried by copies, in any order, or die and are redriven.
 */
function createWorld(opened: OpenStore, original: readonly Event[], random: Random) {
  const log = [...original]
  const copies: Copy[] = []
  const letters: Event[] = []
  const redrivable: Event[] = []
  let position = 0
  let steps = 0
  const fails = () => steps < STEPS && random.chance(0.3)

  function parkedOf(event: Event, attempt: number, isDead: boolean): ParkedRecord {
    const changes = isDead ? ({ state: 'dead', nextAttemptAt: null, attempt } as const) : { attempt }
    return isChange(event)
      ? parkedChange(event, changes)
      : parkedFrom(event, { ...changes, redriveOf: event.redriveOf })
  }

  /** What processing publishes before it stores the batch. */
  function park(event: Event, attempt: number): ParkedRecord {
    const isDead = attempt === 4 || random.chance(0.4)
    if (isDead) letters.push(event)
    else copies.push({ event, attempt })
    return parkedOf(event, attempt, isDead)
  }

  async function store(delivered: 'origin' | 'copy', events: readonly Event[], parked: readonly ParkedRecord[]) {
    const changes = events.filter(isChange)
    const orders = events.filter(isOrder)
    const batch = { delivered, parked, ...(changes.length > 0 && { changes }) }
    const result = await opened.store.storeBatch(batchOf(orders, batch))
    expect(result.counted).toBe(true)
  }

  async function deliverNext(): Promise<void> {
    const batch = log.slice(position, position + random.whole(1, 6))
    const failing = new Set(batch.filter(fails))
    const parked = batch.filter((event) => failing.has(event)).map((event) => park(event, 1))
    // The process dies here: copies and letters are published, and the store knows nothing of it.
    if (steps < STEPS && random.chance(0.15)) return
    await store(
      'origin',
      batch.filter((event) => !failing.has(event)),
      parked,
    )
    position += batch.length
    if (steps < STEPS && random.chance(0.15)) position = Math.max(0, position - random.whole(1, 8))
  }

  async function deliverCopy(): Promise<void> {
    const [copy] = copies.splice(random.whole(0, copies.length - 1), 1)
    if (copy === undefined) return
    if (fails()) await store('copy', [], [park(copy.event, copy.attempt + 1)])
    else await store('copy', [copy.event], [])
  }

  async function keepLetter(): Promise<void> {
    const [event] = letters.splice(random.whole(0, letters.length - 1), 1)
    if (event === undefined) return
    const { redriveOf } = event
    await opened.deadLetters.keep([isChange(event) ? changeLetterOf(event) : letterOf(event, { redriveOf })])
    redrivable.push(event)
  }

  async function redrive(): Promise<void> {
    const [event] = redrivable.splice(random.whole(0, redrivable.length - 1), 1)
    if (event === undefined) return
    const letterId = letterIdOf(event)
    if ((await opened.deadLetters.get(letterId))?.state === 'dead') {
      log.push({ ...event, origin: place(log.length), redriveOf: letterId })
    }
  }

  /** False when there is nothing left to do. */
  async function step(): Promise<boolean> {
    steps += 1
    const choices = [
      ...(position < log.length ? [deliverNext, deliverNext] : []),
      ...(copies.length > 0 ? [deliverCopy] : []),
      ...(letters.length > 0 ? [keepLetter] : []),
      ...(redrivable.length > 0 ? [redrive] : []),
    ]
    if (choices.length === 0) return false
    await random.pick(choices)()
    return true
  }
  return { step }
}

/** Whatever happens on the way, the store comes to what the log says. */
export function changeHistoriesContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} with random histories of changes`, () => {
    const seed = seedOfThisRun()
    test.for([1, 2, 3, 4])('each order is the fold of its log in the order of the log (%i)', async (run) => {
      const random = createRandom(seed + run)
      await using opened = await open()
      const log = randomLog(random)
      const world = createWorld(opened, log, random)
      while (await world.step()) {
        expect(lineOf(await opened.ledger.read(GROUP, 9))?.balanced ?? true).toBe(true)
      }
      const { orders, changes } = foldOf(log)
      const views = await opened.views.getMany([...orders.keys()])
      for (const [orderId, order] of orders) {
        expect(views.get(orderId)).toMatchObject({
          status: order.cancellation === undefined ? 'stored' : 'cancelled',
          version: order.version,
          customerName: order.content.customerName,
        })
      }
      const ofChanges = await opened.views.getChanges([...changes.keys()])
      const outcomes = [...changes.keys()].map((changeId) => {
        const view = ofChanges.get(changeId)
        return view?.version ?? view?.cause?.code ?? view?.status
      })
      expect(outcomes).toEqual([...changes.values()])
      expect((await opened.ledger.read(GROUP, 9)).waiting).toBe(0)
      expect(await opened.deadLetters.count({ state: 'dead' })).toBe(0)
    })
  })
}
