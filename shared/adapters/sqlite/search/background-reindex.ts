import { setTimeout as sleep } from 'node:timers/promises'

export interface BackgroundReindex {
  /** Indexes at most this many more orders of an earlier version (search-reindex.ts); false when none are left. */
  readonly step: (orders: number) => Promise<boolean>
  readonly onFailed: (error: unknown) => void
  /** No step begins after it aborts. */
  readonly signal: AbortSignal
}

/** Storing waits some ten milliseconds while a step writes, so a step of orders with many items is smaller. */
const ORDERS_AT_ONCE = 256
/** Between steps storing has its turn, for as long as the last step took and at least this long. */
const MIN_PAUSE_MS = 10
/** A busy file or a full disk makes a step fail, and nothing else triggers the next attempt. */
const RETRY_MS = 60_000

/** Takes all steps while orders are stored and read. Never rejects; resolves after the last step. */
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
