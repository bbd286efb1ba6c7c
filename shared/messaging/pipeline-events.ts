import type { ChangeKind } from '../domain/changes/order-changes.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from '../ports/event-log.ts'
import type { LedgerLoss, LogBreak } from '../ports/ledger.ts'

/**
 * The pipeline's events in one typed map, which feeds logs, metrics, the dashboard and tests. Each event is one fact,
 * emitted once, by the process in which it happened.
 */
export interface PipelineEvents {
  /** The command is durable in the log; the caller gets 202. */
  'order:accepted': { orderId: string; traceparent: string | undefined; durationMs: number }
  /** A change of an order is durable in the log; the caller gets 202. */
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
    /** From accepting to storing, for each stored order whose time is known; 0 if its acceptance lies in the future. */
    latenciesMs: readonly number[]
  }
  /** A record is safe in a retry topic. */
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
  /** A record is safe in the dead-letter topic. */
  'delivery:dead-lettered': {
    orderId: string | null
    traceparent: string | undefined
    origin: RecordPosition
    attempt: number
    cause: Cause
    error: unknown
  }
  /** The dead-letter topic's records are in the dead-letter store. */
  'dead-letters:kept': { ids: readonly string[] }
  /** A batch failed and is retried in place. */
  'attempt:failed': { topic: string; attempt: number; records: number; cause: Cause; error: unknown }
  /** Every order of two batches in a row failed, so none is to blame: the batch waits and is tried again. */
  'batch:held': { topic: string; records: number; cause: Cause; error: unknown }
  /** Offsets are lost because of `lostBy`; emitted once, by the process that settled them. */
  'ledger:lost': LedgerLoss
  /** Records that had been passed over now have an outcome; `places` are the first of them, as `partition:offset`. */
  'ledger:repaired': { processed: number; places: readonly string[]; why: string | null }
  /** Records wait, but the host hands none of them to this process. */
  'delivery:stalled': RecordPosition & { waitingMs: number }
  /** Records wait behind an unreadable batch that the log's health does not report; emitted once for each place. */
  'delivery:unreadable': RecordPosition & { error: unknown }
  /** Records are delivered again, or an outage makes it impossible to tell. */
  'delivery:resumed': { topic: string }
  /** Records are damaged in the only copy of the log, so they were not delivered and never will be. */
  'delivery:passed-over': { topic: string; records: number }
  /** The log that was counted was replaced or truncated; emitted once. */
  'ledger:log-broken': { topic: string; brokenBy: LogBreak }
  'outage:began': { of: 'store' | 'log'; cause: Cause; error: unknown }
  'outage:ended': { of: 'store' | 'log'; durationMs: number }
}

/** How many changes of a batch came to what. One that waits is not counted again when its turn comes. */
export type ChangeFigures = Readonly<Record<'applied' | 'refused' | 'waiting' | 'duplicates', number>>

export type PipelineEventName = keyof PipelineEvents

export interface PipelineEmitter {
  emit<Name extends PipelineEventName>(name: Name, event: PipelineEvents[Name]): void
  /** Returns the function that stops listening. */
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
