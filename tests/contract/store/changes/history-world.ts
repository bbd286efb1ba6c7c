import { expect } from 'vitest'
import type { ParkedRecord } from '../../../../shared/ports/order-store.ts'
import type { Random } from '../../../support/random.ts'
import {
  actAt,
  batchOf,
  changeLetterOf,
  letterIdOf,
  letterOf,
  orderAt,
  parkedChange,
  parkedFrom,
  place,
  type OpenStore,
} from '../../store-fixtures.ts'
import { DEAD } from './change-steps.ts'
import { idOf, isChange, isImpostor, isOrder, type Event, type RandomLog } from './history-log.ts'

/** The number of steps in which calls and deliveries may fail. After these steps, every one succeeds. */
const STEPS = 220
const LAST_ATTEMPT = 4

interface Partition {
  readonly log: Event[]
  position: number
  /** The instance that owns the partition. */
  owner: OpenStore
  /** The step from which the records are delivered again, after the owner has died or lost the partition. */
  resumesAt: number
}

interface Batch {
  readonly instance: OpenStore
  readonly delivered: 'origin' | 'copy'
  readonly events: readonly Event[]
  readonly parked: readonly ParkedRecord[]
}

interface Copy {
  readonly event: Event
  readonly attempt: number
}

/** The orders and changes that were discarded at any time, and those that were restored afterwards. */
export interface Acts {
  readonly discarded: ReadonlySet<string>
  readonly restored: ReadonlySet<string>
}

export interface World extends Acts {
  /** The number of actions so far. */
  readonly steps: number
  /** Whether calls and deliveries may still fail. */
  isFaulty(): boolean
  /**
   * The actions that are possible now; a more likely action is listed more than once. Empty once all records have final
   * outcomes.
   */
  choices(): (() => Promise<void>)[]
  /** To be called after each action. */
  tick(): void
}

/**
 * Simulates two instances that process a log. The instances die and lose partitions to each other. Their calls to the
 * store and the log fail, or take effect without an answer. Records are retried as copies, in any order, or become dead
 * letters. Operators redrive or discard dead letters, and restore some of those that they discarded.
 */
export function createWorld(instances: readonly [OpenStore, OpenStore], log: RandomLog, random: Random): World {
  const partitions = log.partitions.map((records, index): Partition => ({
    log: records,
    position: 0,
    owner: instances[index % 2]!,
    resumesAt: 0,
  }))
  const copies: Copy[] = []
  const letters: Event[] = []
  const kept: Event[] = []
  const givenUp: Event[] = []
  /** Batches whose instance lost the partition before it had stored them. */
  const late: Batch[] = []
  const discarded = new Set<string>()
  const restored = new Set<string>()
  let steps = 0
  const isFaulty = () => steps < STEPS
  const happens = (probability: number) => isFaulty() && random.chance(probability)
  const take = <T>(list: T[]): T => list.splice(random.whole(0, list.length - 1), 1)[0] as T
  const other = (one: OpenStore) => (one === instances[0] ? instances[1] : instances[0])
  const now = () => actAt(steps).at
  const isHopeless = (event: Event) => log.poison.has(idOf(event)) || isImpostor(event)

  function parkedOf(event: Event, attempt: number, isDead: boolean): ParkedRecord {
    const told = { ...(isDead ? { ...DEAD, attempt } : { attempt }), redriveOf: event.redriveOf }
    const isReadable = !log.poison.has(idOf(event))
    if (!isChange(event)) return parkedFrom(event, { ...told, ...(!isReadable && { order: null }) })
    const { changeId, change } = event
    const unread = { changeId, kind: change.kind, change: null, idempotencyKeyHash: null }
    return parkedChange(event, { ...told, ...(!isReadable && { change: unread }) })
  }

  /**
   * Publishes the record, as processing does before it stores the batch. Publishes it twice if an acknowledgement is
   * lost.
   */
  function park({ event, attempt }: Copy): ParkedRecord {
    const isDead = isHopeless(event) || attempt >= LAST_ATTEMPT || random.chance(0.4)
    for (let times = happens(0.1) ? 2 : 1; times > 0; times -= 1) {
      if (isDead) letters.push(event)
      else copies.push({ event, attempt })
    }
    return parkedOf(event, attempt, isDead)
  }

  /**
   * Parks the records that fail. Returns undefined if parking fails or if the simulated process dies before it stores
   * the batch.
   */
  function prepare(instance: OpenStore, delivered: 'origin' | 'copy', records: readonly Copy[]): Batch | undefined {
    const events: Event[] = []
    const parked: ParkedRecord[] = []
    for (const record of records) {
      if (!log.poison.has(idOf(record.event)) && !happens(0.25)) events.push(record.event)
      else if (happens(0.08)) return undefined
      else parked.push(park(record))
    }
    return happens(0.12) ? undefined : { instance, delivered, events, parked }
  }

  async function storeOnce(batch: Batch): Promise<void> {
    const { instance, delivered, events, parked } = batch
    const changes = events.filter(isChange)
    const told = { delivered, parked, now: now(), ...(changes.length > 0 && { changes }) }
    const orders = events.filter(isOrder)
    const result = await instance.store.storeBatch(batchOf(orders, told))
    const rejected = new Set([
      ...orders.filter((_, index) => result.outcomes[index]?.kind === 'rejected'),
      ...changes.filter((_, index) => result.changes?.[index]?.kind === 'rejected'),
    ])
    expect(result.counted).toBe(rejected.size === 0)
    if (rejected.size === 0) return
    expect([...rejected].filter((event) => !isImpostor(event))).toEqual([])
    const dead = [...rejected].map((event) => park({ event, attempt: LAST_ATTEMPT }))
    await storeOnce({ ...batch, events: events.filter((event) => !rejected.has(event)), parked: [...parked, ...dead] })
  }

  /** Calls the store with the same batch and one more order, which makes the call fail. */
  async function storeInVain({ instance, delivered, events, parked }: Batch): Promise<void> {
    const broken = { ...orderAt(0), origin: place(0, partitions.length), json: 'null' }
    const told = { delivered, parked, changes: events.filter(isChange), now: now() }
    await expect(instance.store.storeBatch(batchOf([...events.filter(isOrder), broken], told))).rejects.toThrow()
  }

  /**
   * Repeats the call until the store answers. Returns false if the process gives up first; the records are then
   * delivered again.
   */
  async function answered(call: () => Promise<void>, callInVain?: () => Promise<void>): Promise<boolean> {
    for (;;) {
      const hasFailed = happens(0.08)
      if (hasFailed) await callInVain?.()
      else await call()
      const isLost = happens(0.08)
      if (!hasFailed && !isLost) return true
      if (random.chance(0.5)) return false
    }
  }

  const stored = (batch: Batch) =>
    answered(
      () => storeOnce(batch),
      () => storeInVain(batch),
    )

  const isDelivered = (partition: Partition) => hasMore(partition) && (partition.resumesAt <= steps || !isFaulty())

  /**
   * Delivers nothing from the partition for a while, so that copies of its records can arrive before the records
   * themselves.
   */
  function rebalance(partition: Partition, owner: OpenStore): void {
    partition.owner = owner
    partition.resumesAt = steps + random.whole(0, 15)
  }

  async function deliverNext(): Promise<void> {
    const partition = random.pick(partitions.filter(isDelivered))
    const { position, owner } = partition
    const events = partition.log.slice(position, position + random.whole(1, 8))
    const attempts = events.map((event) => ({ event, attempt: 1 }))
    const batch = prepare(owner, 'origin', attempts)
    if (batch === undefined) {
      rebalance(partition, random.pick(instances))
      return
    }
    if (happens(0.1)) {
      late.push(batch)
      rebalance(partition, other(owner))
      return
    }
    if (await stored(batch)) partition.position = position + events.length
    else rebalance(partition, random.pick(instances))
    if (happens(0.15)) {
      partition.position = Math.max(0, partition.position - random.whole(1, 8))
      rebalance(partition, random.pick(instances))
    }
  }

  async function deliverCopy(): Promise<void> {
    const copy = random.chance(0.5) ? copies.pop()! : take(copies)
    const batch = prepare(random.pick(instances), 'copy', [{ ...copy, attempt: copy.attempt + 1 }])
    if (batch === undefined || !(await stored(batch))) copies.push(copy)
  }

  /**
   * Stores a batch after the instance that holds it has lost the partition. The other instance has already received the
   * records, or will receive them.
   */
  async function storeLate(): Promise<void> {
    await stored(take(late))
  }

  async function keepLetter(): Promise<void> {
    const event = take(letters)
    const unread = log.poison.has(idOf(event)) ? { value: Buffer.from('{') } : {}
    const told = { redriveOf: event.redriveOf, ...unread }
    const letter = isChange(event) ? changeLetterOf(event, told) : letterOf(event, told)
    const isKept = await answered(() => random.pick(instances).deadLetters.keep([letter]))
    if (isKept) kept.push(event)
    else letters.push(event)
  }

  async function isGivenUp(event: Event): Promise<boolean> {
    const { views } = instances[0]
    if (!isChange(event)) return (await views.get(event.orderId))?.status === 'discarded'
    return (await views.getChanges([event.changeId])).get(event.changeId)?.status === 'discarded'
  }

  async function discard(event: Event): Promise<void> {
    await random
      .pick(instances)
      .redriveTasks.discard(letterIdOf(event), { ...actAt(0, { reason: 'a test' }), at: now() })
    if (await isGivenUp(event)) discarded.add(idOf(event))
    givenUp.push(event)
  }

  async function restore(): Promise<void> {
    const event = take(givenUp)
    await random.pick(instances).redriveTasks.restore(letterIdOf(event), { ...actAt(0), at: now() })
    if (!(await isGivenUp(event))) restored.add(idOf(event))
    kept.push(event)
  }

  async function redriveOrDiscard(): Promise<void> {
    const event = take(kept)
    const letterId = letterIdOf(event)
    if ((await random.pick(instances).deadLetters.get(letterId))?.state !== 'dead') return
    if (isHopeless(event) ? !isFaulty() || random.chance(0.5) : random.chance(0.15)) {
      await discard(event)
      return
    }
    const { partition } = event.origin
    const { log: records } = partitions[partition]!
    for (let times = happens(0.1) ? 2 : 1; times > 0; times -= 1) {
      records.push({ ...event, origin: place(records.length, partition), redriveOf: letterId })
    }
  }

  return {
    discarded,
    restored,
    get steps() {
      return steps
    },
    isFaulty,
    choices: () => [
      ...(partitions.some(isDelivered) ? [deliverNext, deliverNext] : []),
      ...(partitions.some((partition) => hasMore(partition) && !isDelivered(partition)) ? [pass] : []),
      ...(copies.length > 0 ? [deliverCopy, deliverCopy] : []),
      ...(late.length > 0 ? [storeLate] : []),
      ...(letters.length > 0 ? [keepLetter] : []),
      ...(kept.length > 0 ? [redriveOrDiscard] : []),
      ...(givenUp.length > 0 && isFaulty() && random.chance(0.3) ? [restore] : []),
    ],
    tick() {
      steps += 1
    },
  }
}

/** Does nothing for one step, like an instance that waits for a partition. */
async function pass(): Promise<void> {}

function hasMore({ log, position }: Partition): boolean {
  return position < log.length
}
