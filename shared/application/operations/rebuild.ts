import { randomUUID } from 'node:crypto'
import { isOrderError } from '../../domain/errors.ts'
import { isChange, readEvent } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import type { Clock } from '../../ports/clock.ts'
import { withoutJourney } from '../../messaging/records/original-record.ts'
import { originOf } from '../../messaging/parking/parking.ts'
import type { EventLog, LogRecord, PartitionOffsets } from '../../ports/event-log.ts'
import {
  NO_PROGRESS,
  type Maintenance,
  type Rebuild,
  type RebuildOutcome,
  type RebuildProgress,
  type RebuildStep,
} from '../../ports/maintenance.ts'
import type { ChangeToStore, OrderStore, OrderToStore } from '../../ports/order-store.ts'
import type { Act } from '../../ports/redrives.ts'
import { toBatch } from '../processing/events-of-batch.ts'
import { readInOrderOfTime } from '../log/read-log.ts'

/**
 * Rebuilds the orders of the read model from the log with the current code. Meanwhile the live orders stay in use for
 * queries and for storing; at the end, the rebuilt orders replace them. An order that the ledger counted as stored but
 * that the store has lost is stored again along the way. An order whose record has left the log is kept as it is, with
 * the changes that were applied to it, because it now exists only among the live orders. If anything fails, the live
 * orders are untouched and another rebuild can start.
 */
export interface RebuildOrders {
  /**
   * Starts a rebuild and resolves at once; `Maintenance.getRebuild` reports progress. Rejects with `conflict` while a
   * rebuild is running.
   */
  start(act: Act): Promise<Rebuild>
}

/** Reads a record, using the current code unless a test supplies other code. */
export type ReadRecord = (record: LogRecord) => OrderToStore | ChangeToStore

/** A step of this size occupies the store's writer for a few milliseconds; orders are stored between steps. */
const ORDERS_AT_ONCE = 200
const LEASE_MS = 10_000
/** The last step is a single transaction, no matter how many orders there are. */
const SWAP_LEASE_MS = 15 * 60_000

/** Does not verify redrive proofs, because a rebuild does not depend on which letter a record redrives. */
function readOriginal(record: LogRecord): OrderToStore | ChangeToStore {
  const original = withoutJourney(record)
  return readEvent(original, originOf(original))
}

export function createRebuild(dependencies: {
  log: Pick<EventLog, 'read' | 'offsets'>
  store: Pick<OrderStore, 'storeBatch'>
  maintenance: Maintenance
  topic: string
  groupId: string
  clock: Clock
  signal: AbortSignal
  onError: (error: unknown) => void
  readRecord?: ReadRecord
}): RebuildOrders {
  const { log, store, maintenance, topic, groupId, clock, signal, onError } = dependencies
  const readRecord = dependencies.readRecord ?? readOriginal
  const now = () => new Date(clock.now()).toISOString()

  function stepOf(
    owner: string,
    progress: RebuildProgress,
    { leaseMs = LEASE_MS, logStarts = [] }: Partial<Pick<RebuildStep, 'leaseMs' | 'logStarts'>> = {},
  ): RebuildStep {
    signal.throwIfAborted()
    return { owner, at: now(), leaseMs, logStarts, progress }
  }

  async function startsOfLog(): Promise<RebuildStep['logStarts']> {
    const offsets = await log.offsets(topic)
    return offsets.map(({ partition, first: offset }) => ({ topic, partition, offset }))
  }

  async function carryOut(owner: string, begun: RebuildProgress, offsets: readonly PartitionOffsets[]): Promise<void> {
    try {
      const projected = await project(owner, begun, offsets)
      // The log's start offsets are read only now, because records may have left the log before the rebuild could read
      // them.
      const logStarts = await startsOfLog()
      const completed = await complete(owner, projected, logStarts)
      const swapping: RebuildProgress = { ...completed, phase: 'swapping' }
      await maintenance.swapOrders(stepOf(owner, swapping, { leaseMs: SWAP_LEASE_MS, logStarts }))
    } catch (error) {
      onError(error)
      const why = isOrderError(error) ? error.message : 'A fault on our side; the process’s log has the details.'
      await maintenance.abandonRebuild(owner, why, now())
    }
  }

  async function project(
    owner: string,
    begun: RebuildProgress,
    offsets: readonly PartitionOffsets[],
  ): Promise<RebuildProgress> {
    let progress = begun
    for await (const records of readInOrderOfTime(log, topic, offsets, ORDERS_AT_ONCE)) {
      const all = records.flatMap(readable)
      const outcomes = await maintenance.projectOrders(stepOf(owner, progress), groupId, all)
      const lost = all.filter((_, index) => outcomes[index] === 'lost')
      const restored = lost.length === 0 ? 0 : await restore(owner, progress, lost)
      progress = {
        ...progress,
        records: progress.records + records.length,
        projected: progress.projected + countOrders(all, outcomes) + restored,
        restored: progress.restored + restored,
      }
    }
    return progress
  }

  /**
   * Stores the events again, as if they came from parked copies. Restored orders go to the end of the store, because
   * their earlier positions are unknown. Returns the number of restored orders.
   */
  async function restore(
    owner: string,
    progress: RebuildProgress,
    lost: readonly (OrderToStore | ChangeToStore)[],
  ): Promise<number> {
    await store.storeBatch({ groupId, delivered: 'copy', ...toBatch(lost), parked: [], now: now() })
    return countOrders(lost, await maintenance.projectOrders(stepOf(owner, progress), groupId, lost))
  }

  async function complete(
    owner: string,
    projected: RebuildProgress,
    logStarts: RebuildStep['logStarts'],
  ): Promise<RebuildProgress> {
    let progress: RebuildProgress = { ...projected, phase: 'completing' }
    for (;;) {
      const step = stepOf(owner, progress, { logStarts })
      const { orders, kept, expired } = await maintenance.completeOrders(step, ORDERS_AT_ONCE)
      progress = {
        ...progress,
        kept: progress.kept + kept,
        expired: progress.expired + expired,
        completed: progress.completed + orders,
      }
      if (orders < ORDERS_AT_ONCE) return progress
    }
  }

  /**
   * Skips poison records, because each of them either is a dead letter or belongs to an order that is kept unchanged. A
   * bug in this product makes the rebuild fail.
   */
  function readable(record: LogRecord): (OrderToStore | ChangeToStore)[] {
    try {
      return [readRecord(record)]
    } catch (error) {
      if (classify(error).class === 'poison') return []
      throw error
    }
  }

  return {
    async start(act) {
      const owner = randomUUID()
      const offsets = await log.offsets(topic)
      const recordsInAll = offsets.reduce((total, { first, end }) => total + end - first, 0)
      const begun = { ...NO_PROGRESS, recordsInAll }
      const rebuild = await maintenance.beginRebuild(stepOf(owner, begun), act)
      // If abandoning the rebuild fails too, the store is unavailable, and the lease expires.
      carryOut(owner, begun, offsets).catch(onError)
      return rebuild
    },
  }
}

/** The number of projected orders. Changes are not counted, because they are not rebuilt. */
function countOrders(events: readonly (OrderToStore | ChangeToStore)[], outcomes: readonly RebuildOutcome[]): number {
  return events.filter((event, index) => !isChange(event) && outcomes[index] === 'projected').length
}
