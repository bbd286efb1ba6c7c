import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Clock } from '../../ports/clock.ts'
import { FROM_THE_BEGINNING, type RemovablePart, type Retention } from '../../ports/retention.ts'
import { inRounds } from './in-rounds.ts'

export interface StoreRetention {
  /**
   * Removes data that is too old. Continues where the last call ended, and starts from the beginning once a day.
   * Rejects with the store's error if a removal fails, and also rejects if the process stops.
   */
  remove(): Promise<void>
  /** Calls `remove` every minute until the signal aborts. Never rejects. */
  run(): Promise<void>
}

/** How long each of these stays in the store, in milliseconds; null means forever. */
export type StoreRetentionMs = Readonly<Record<'settled' | 'history' | 'audit', number | null>>

const PARTS: Readonly<Record<keyof StoreRetentionMs, readonly RemovablePart[]>> = {
  settled: ['dead-letters'],
  history: ['histories', 'change-histories'],
  audit: ['audit', 'redrives'],
}
/**
 * The number of rows in one transaction. A dead letter can be as large as 2 MiB, so the content of only a few letters
 * is removed at once.
 */
const ROWS_AT_ONCE: Readonly<Record<RemovablePart, number>> = {
  'dead-letters': 25,
  histories: 200,
  'change-histories': 200,
  audit: 500,
  redrives: 500,
}
const ROUND_MS = 60_000
/**
 * A round continues where the last one ended, because old entries of open orders are kept and would otherwise be
 * examined every minute. After this time, a round starts from the beginning, because the orders that were open may be
 * final by then.
 */
const BEGIN_AGAIN_MS = 24 * 60 * 60_000
/** The pause between steps. It is long enough that storing spends only a small part of its time waiting for steps. */
const PAUSE_MS = 20

/**
 * Removes from the store the data that is older than the settings allow. Several processes may do this at once, because
 * each step is one transaction that finds only the data that is still there. Undefined if everything is kept forever.
 */
export function createStoreRetention(dependencies: {
  retention: Retention
  retentionMs: StoreRetentionMs
  events: PipelineEmitter
  clock: Clock
  signal: AbortSignal
  onError: (error: unknown) => void
  onBack: () => void
}): StoreRetention | undefined {
  const { retention, retentionMs, events, clock, signal, onError, onBack } = dependencies
  const limits = Object.entries(retentionMs).flatMap(([kind, maxAgeMs]) =>
    maxAgeMs === null ? [] : [{ maxAgeMs, parts: PARTS[kind as keyof StoreRetentionMs] }],
  )
  if (limits.length === 0) return undefined

  const places = new Map<RemovablePart, number>()
  let begunMs = -Infinity

  async function remove(): Promise<void> {
    if (clock.now() - begunMs >= BEGIN_AGAIN_MS) {
      begunMs = clock.now()
      places.clear()
    }
    for (const { maxAgeMs, parts } of limits) {
      const olderThan = new Date(clock.now() - maxAgeMs).toISOString()
      for (const part of parts) await removePart(part, olderThan)
    }
  }

  async function removePart(part: RemovablePart, olderThan: string): Promise<void> {
    let removed = 0
    try {
      for (let from: number | null = places.get(part) ?? FROM_THE_BEGINNING; from !== null;) {
        places.set(part, from)
        const step = await retention.remove(part, { olderThan, from, limit: ROWS_AT_ONCE[part] })
        removed += step.removed
        from = step.next
        if (from !== null) await clock.sleep(PAUSE_MS, signal)
      }
    } finally {
      // Even an interrupted round may have removed rows.
      if (removed > 0) events.emit('store:removed', { part, removed, olderThan })
    }
  }

  return { remove, run: () => inRounds(remove, ROUND_MS, { clock, signal, onError, onBack }) }
}
