import { messageOf } from '../../domain/errors.ts'
import { MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import { nextOffset, type EventLog, type GroupMember, type RecordPosition } from '../../ports/event-log.ts'
import { readPart } from '../log/read-beyond-unreadable.ts'
import type { OrderStore } from '../../ports/order-store.ts'
import type { HandleDelivery } from './handle-delivery.ts'

/**
 * Notices that records wait and the host hands this process none of them, which no other check sees: a host that fails
 * before it calls a function goes on answering requests, and its consumer goes on sending heartbeats.
 *
 * It blames this process only for what a restart of it may mend. So the log and the store have answered at every look, no
 * batch has been in flight here, nobody has moved the group's position, the position is at a record that can be read, and
 * no other machine holds the partition. While the group rebalances nobody holds any, so that a look then changes nothing.
 */
export interface DeliveryWatch {
  /** The same use case, whose batches count as handed over. */
  watched(topic: string, useCase: HandleDelivery): HandleDelivery
  /** The first record that waits, while there is one. */
  readonly stall: Stall | undefined
  /**
   * Batches that records have waited behind for as long and that cannot be read, a sentence each. Only where nobody else
   * knows: a consumer of this process that reads the log itself tells at once, by the log's health.
   */
  readonly unreadable: readonly string[]
  /** Looks until the process stops. Never rejects. */
  run(): Promise<void>
}

export interface Stall extends RecordPosition {
  /** For how long the group has been at this record, as far as this process has seen. */
  readonly waitingMs: number
}

/** A topic that functions of this process consume. */
export interface WatchedSource {
  readonly topic: string
  readonly group: string
  /** How long an invocation may wait on purpose, as those of a retry tier do. */
  readonly delayMs: number
}

export const LOOK_MS = 30_000
/**
 * Beyond its source's own delay an invocation may hold for five minutes. As much again is left for what moves nothing
 * either: a rebalance, a restart of the process that held the partition, a redelivery.
 */
const PATIENCE_MS = 2 * MAX_HOLD_MS

interface Watched extends WatchedSource {
  inFlight: number
  /** When a batch was last in flight here, or looking began. */
  quietSince: number
  /** Where the group stands, and since when, by partition. */
  readonly positions: Map<number, { readonly next: number; readonly since: number }>
  /** The position that cannot be read and why, by partition, for as long as the group stands there. */
  readonly unreadable: Map<number, { readonly next: number; readonly why: string }>
}

export function createDeliveryWatch(dependencies: {
  log: Pick<EventLog, 'health' | 'committed' | 'offsets' | 'read' | 'members'>
  store: Pick<OrderStore, 'health'>
  sources: readonly WatchedSource[]
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
  /** Told of a look that failed; the next one begins anew. */
  onError: (error: unknown) => void
}): DeliveryWatch {
  const { log, store, clock, events, signal, onError } = dependencies
  const sources = dependencies.sources.map((source): Watched => ({
    ...source,
    inFlight: 0,
    quietSince: clock.now(),
    positions: new Map(),
    unreadable: new Map(),
  }))
  let stall: Stall | undefined
  let lookedAt = clock.now()

  /** What was seen before says nothing about from now on. */
  function forget(): void {
    for (const source of sources) {
      source.quietSince = clock.now()
      source.positions.clear()
    }
  }

  async function look(): Promise<Stall | undefined> {
    const [logHealth, storeHealth] = await Promise.all([log.health(), store.health()])
    const wasSuspended = clock.now() - lookedAt > 3 * LOOK_MS
    lookedAt = clock.now()
    if (wasSuspended || !logHealth.available || !storeHealth.available) forget()
    const isTold = logHealth.unreadable !== undefined
    for (const source of sources) {
      const found = await lookAt(source, isTold)
      if (found !== undefined) return found
    }
    return undefined
  }

  async function lookAt(source: Watched, isTold: boolean): Promise<Stall | undefined> {
    const { topic, group, positions, delayMs } = source
    const patience = PATIENCE_MS + delayMs
    const committed = await log.committed(group, topic)
    const offsets = await log.offsets(topic)
    const now = clock.now()
    if (source.inFlight > 0) source.quietSince = now
    for (const { partition, first, end } of offsets) {
      const next = nextOffset(committed, { partition, first })
      if (source.unreadable.get(partition)?.next !== next) source.unreadable.delete(partition)
      if (next >= end || positions.get(partition)?.next !== next) positions.set(partition, { next, since: now })
    }
    const still = [...positions].filter(([, { since }]) => now - since >= patience)
    if (still.length === 0) return undefined
    const members = await log.members(group, topic)
    const isQuiet = now - source.quietSince >= patience
    if (isRebalancing(members)) {
      if (!isQuiet) return undefined
      return still.some(([partition]) => stall?.topic === topic && stall.partition === partition) ? stall : undefined
    }
    const elsewhere = heldElsewhere(members)
    for (const [partition, { next, since }] of still) {
      if (elsewhere.has(partition)) continue
      // What waits may be a transaction that is open, or its marker: nobody can be handed that.
      const { records, unreadable } = await readPart(log, topic, partition, next, 1)
      // A restart does not mend it, so it is no stall.
      if (unreadable !== undefined && !isTold) tellUnreadable(source, partition, next, unreadable.error)
      // A partition may wait behind what cannot be read while others are handed over, and only then.
      if (!isQuiet) continue
      const [record] = records
      if (record !== undefined) return { topic, partition, offset: record.offset, waitingMs: now - since }
      positions.set(partition, { next, since: now })
    }
    return undefined
  }

  function tellUnreadable({ topic, unreadable }: Watched, partition: number, next: number, error: unknown): void {
    if (unreadable.has(partition)) return
    unreadable.set(partition, { next, why: messageOf(error) })
    events.emit('delivery:unreadable', { topic, partition, offset: next, error })
  }

  async function lookOnce(): Promise<void> {
    try {
      tell(await look())
    } catch (error) {
      forget()
      tell(undefined)
      onError(error)
    }
  }

  function tell(found: Stall | undefined): void {
    const before = stall
    stall = found
    if (before?.topic === found?.topic) return
    if (before !== undefined) events.emit('delivery:resumed', { topic: before.topic })
    if (found !== undefined) events.emit('delivery:stalled', found)
  }

  return {
    watched(topic, useCase) {
      const source = sources.find((one) => one.topic === topic)
      if (source === undefined) return useCase
      return async (...delivery) => {
        source.inFlight += 1
        try {
          await useCase(...delivery)
        } finally {
          source.inFlight -= 1
          source.quietSince = clock.now()
        }
      }
    },
    get stall() {
      return stall
    },
    get unreadable() {
      return sources.flatMap(({ unreadable }) => [...unreadable.values()].map(({ why }) => why))
    },
    async run() {
      while (sources.length > 0 && !signal.aborted) {
        await lookOnce()
        await clock.sleep(LOOK_MS, signal).catch(() => undefined)
      }
    },
  }
}

function isRebalancing(members: readonly GroupMember[]): boolean {
  return members.length > 0 && members.every(({ partitions }) => partitions.length === 0)
}

/**
 * The partitions that another machine surely holds. Addresses of members tell machines apart only where one of them is
 * this machine's: behind a translation of addresses all of them may be the same.
 */
function heldElsewhere(members: readonly GroupMember[]): ReadonlySet<number> {
  if (!members.some(({ isHere }) => isHere)) return new Set()
  return new Set(members.filter(({ isHere }) => !isHere).flatMap(({ partitions }) => partitions))
}
