import { setTimeout as sleep } from 'node:timers/promises'

export interface BackgroundReindex {
  /** Indexes at most this many more orders of an earlier version (search-reindex.ts); false when none are left. */
  readonly step: (orders: number) => Promise<boolean>
  readonly onFailed: (error: unknown) => void
  /** No step begins after it aborts. */
  readonly signal: AbortSignal
}

/** Fewer, when they have many items: storing waits while they are written, some ten milliseconds. */
const ORDERS_AT_ONCE = 256
/** Storing has its turn for as long as a step took, and for no less than this. */
const MIN_PAUSE_MS = 10
/** A file that is busy or a full disk fails a step, and nothing else may ask for the next one. */
const RETRY_MS = 60_000

/** Takes all steps, while orders are stored and read. Never rejects; resolves when no step is under way and none will be. */
export async function reindexInBackground({ step, onFailed, signal }: BackgroundReindex): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
  let isMoreLeft = true
  while (isMoreLeft && !signal.aborted) {
    const began = performance.now()
    try {
      isMoreLeft = await step(ORDERS_AT_ONCE)
      if (isMoreLeft) await pause(Math.max(MIN_PAUSE_MS, performance.now() - began))
    } catch (error) {
      onFailed(error)
      await pause(RETRY_MS)
    }
  }
}
