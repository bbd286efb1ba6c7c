import type { ChangeKind } from '../domain/changes/order-changes.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from '../ports/event-log.ts'
import type { LedgerLoss, LogBreak } from '../ports/ledger.ts'
import type { RemovablePart } from '../ports/retention.ts'

/**
 * The pipeline's events in one typed map, which feeds logs, metrics, the dashboard and tests. Each event is one fact,
 * emitted once, by the process in which it happened.
 */
export interface PipelineEvents {
  /** The command is durable in the log; the caller gets 202. */
  'order:accepted': { orderId: string; traceparent: string | undefined; durationMs: number }
  /** A change to an order is durable in the log; the caller gets 202. */
  'change:accepted': {
    orderId: string
    changeId: string
    kind: ChangeKind
    traceparent: string | undefined
    durationMs: number
  }
  /** A batch is in the store and in the ledger. */
  'batch:stored': {
    topic: string
    stored: readonly string[]
    duplicates: readonly string[]
    parked: number
    /** Absent in a batch without changes. */
    changes?: ChangeFigures
    durationMs: number
    /**
     * The time from acceptance to storage, for each stored order whose acceptance time is known; 0 if that time is in
     * the future.
     */
    latenciesMs: readonly number[]
  }
  /** A record is durable in a retry topic. */
  'delivery:retried': {
    orderId: string | null
    traceparent: string | undefined
    origin: RecordPosition
    tier: number
    attempt: number
    notBefore: number
    cause: Cause
    error: unknown
  }
  /** A record is durable in the dead-letter topic. */
  'delivery:dead-lettered': {
    orderId: string | null
    traceparent: string | undefined
    origin: RecordPosition
    attempt: number
    cause: Cause
    error: unknown
  }
  /** Records from the dead-letter topic have been saved in the dead-letter store. */
  'dead-letters:kept': { ids: readonly string[] }
  /** A batch failed and is retried in place. */
  'attempt:failed': { topic: string; attempt: number; records: number; cause: Cause; error: unknown }
  /** Every order in two consecutive batches failed, so no order is to blame: the batch waits and is retried. */
  'batch:held': { topic: string; records: number; cause: Cause; error: unknown }
  /** Offsets are lost, and `lostBy` says why. Emitted once, by the process that recorded the loss. */
  'ledger:lost': LedgerLoss
  /** Skipped records now have an outcome; `places` lists the first of them as `partition:offset`. */
  'ledger:repaired': { processed: number; places: readonly string[]; why: string | null }
  /** Records are waiting, but the host delivers none of them to this process. */
  'delivery:stalled': RecordPosition & { waitingMs: number }
  /**
   * Records are waiting behind an unreadable batch that the log's health does not report; emitted once for each
   * position.
   */
  'delivery:unreadable': RecordPosition & { error: unknown }
  /** Records are delivered again, or an outage makes it impossible to determine whether they are. */
  'delivery:resumed': { topic: string }
  /** Records are damaged in the only copy of the log, so they were not delivered and never will be. */
  'delivery:passed-over': { topic: string; records: number }
  /** The log whose records the ledger had counted was replaced or truncated; emitted once. */
  'ledger:log-broken': { topic: string; brokenBy: LogBreak }
  /** Old data was removed from the store; `removed` is the number of letters, entries or tasks. */
  'store:removed': { part: RemovablePart; removed: number; olderThan: string }
  'outage:began': { of: 'store' | 'log'; cause: Cause; error: unknown }
  'outage:ended': { of: 'store' | 'log'; durationMs: number }
  /**
   * A batch is no longer held, although the outage may continue: the batch was held for too long, failed for another
   * reason, or the process is stopping. Not logged, because whoever gets the batch back logs the reason.
   */
  'hold:ended': { of: 'store' | 'log' }
}

/** How many changes in a batch had each outcome. A waiting change is not counted again when its turn comes. */
export type ChangeFigures = Readonly<Record<'applied' | 'refused' | 'waiting' | 'duplicates', number>>

export type PipelineEventName = keyof PipelineEvents

export interface PipelineEmitter {
  emit<Name extends PipelineEventName>(name: Name, event: PipelineEvents[Name]): void
  /** Returns a function that stops listening. */
  on<Name extends PipelineEventName>(name: Name, listener: (event: PipelineEvents[Name]) => void): () => void
}

export function createPipelineEmitter(): PipelineEmitter {
  const listeners = new Map<PipelineEventName, Set<(event: never) => void>>()
  return {
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) (listener as (event: unknown) => void)(event)
    },
    on(name, listener) {
      const known = listeners.get(name) ?? new Set()
      listeners.set(name, known.add(listener))
      return () => known.delete(listener)
    },
  }
}
