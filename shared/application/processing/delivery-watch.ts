import { messageOf } from '../../domain/errors.ts'
import { MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import {
  nextOffset,
  type EventLog,
  type GroupMember,
  type PartitionOffsets,
  type RecordPosition,
} from '../../ports/event-log.ts'
import { readPart } from '../log/read-beyond-unreadable.ts'
import type { OrderStore } from '../../ports/order-store.ts'
import type { HandleDelivery } from './handle-delivery.ts'

/**
 * Detects when records are waiting but the host delivers none of them to this process. No other check detects this: a
 * host that fails before it calls a function still responds to requests, and its consumer still sends heartbeats.
 *
 * Blames this process only for faults that a restart might fix. A stall is reported only if the log and the store
 * responded to every check, no batch was in flight here, the group's offset did not move, the record at that offset can
 * be read, and no other machine owns the partition. During a rebalance no member owns a partition, so a check then
 * changes nothing.
 */
export interface DeliveryWatch {
  /** The same use case, but its batches are counted as deliveries. */
  watched(topic: string, useCase: HandleDelivery): HandleDelivery
  /** The first waiting record; undefined while deliveries arrive. */
  readonly stall: Stall | undefined
  /**
   * One sentence for each unreadable batch that has blocked records for at least `PATIENCE_MS` (in a retry tier,
   * `PATIENCE_MS` plus the tier's delay). Empty if this process reads the log itself, because then the log's health
   * reports such batches at once.
   */
  readonly unreadable: readonly string[]
  /** Keeps checking until the process stops. Never rejects. */
  run(): Promise<void>
}

export interface Stall extends RecordPosition {
  /** How long the group has been at this record, as far as this process can tell. */
  readonly waitingMs: number
}

/** A topic that this process's functions consume. */
export interface WatchedSource {
  readonly topic: string
  readonly group: string
  /** How long an invocation may wait deliberately, as in a retry tier. */
  readonly delayMs: number
}

export const LOOK_MS = 30_000
/**
 * In addition to its source's own delay, an invocation may hold a batch for five minutes. Five more minutes leave time
 * for a rebalance, a restart of the process that held the partition, or a redelivery, during which the offset does not
 * move either.
 */
const PATIENCE_MS = 2 * MAX_HOLD_MS

interface Watched extends WatchedSource {
  inFlight: number
  /** When a batch was last in flight here, or when watching began. */
  quietSince: number
  /** For each partition, the group's offset, and the time from which the group counts as waiting at that offset. */
  readonly positions: Map<number, { readonly next: number; readonly since: number }>
  /** For each partition, the unreadable offset and the reason; removed when the group moves on. */
  readonly unreadable: Map<number, { readonly next: number; readonly why: string }>
}

export function createDeliveryWatch(dependencies: {
  log: Pick<EventLog, 'health' | 'committed' | 'offsets' | 'read' | 'members'>
  store: Pick<OrderStore, 'health'>
  sources: readonly WatchedSource[]
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
  /** Called when a check fails; the next check starts from scratch. */
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

  /** Starts over, because earlier observations no longer count. */
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
    forgetOthers(source, offsets)
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
      // The log may have nothing to deliver here: only records of an open transaction, or a transaction's marker.
      const { records, unreadable } = await readPart(log, topic, partition, next, 1)
      // An unreadable batch does not count as a stall, because a restart would not help.
      if (unreadable !== undefined && !isTold) tellUnreadable(source, partition, next, unreadable.error)
      // An unreadable batch may block one partition while others are delivered; a stall requires that nothing is
      // delivered.
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

/** Forgets partitions that the topic no longer has, because it may have been recreated with fewer. */
function forgetOthers({ positions, unreadable }: Watched, partitions: readonly PartitionOffsets[]): void {
  const known = new Set(partitions.map(({ partition }) => partition))
  for (const noted of [positions, unreadable]) {
    for (const partition of noted.keys()) if (!known.has(partition)) noted.delete(partition)
  }
}

function isRebalancing(members: readonly GroupMember[]): boolean {
  return members.length > 0 && members.every(({ partitions }) => partitions.length === 0)
}

/**
 * The partitions that are known to belong to another machine. Members' addresses distinguish machines only if one of
 * them is this machine's: behind network address translation, all addresses may be the same.
 */
function heldElsewhere(members: readonly GroupMember[]): ReadonlySet<number> {
  if (!members.some(({ isHere }) => isHere)) return new Set()
  return new Set(members.filter(({ isHere }) => !isHere).flatMap(({ partitions }) => partitions))
}
