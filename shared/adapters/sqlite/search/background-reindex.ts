import { setTimeout as sleep } from 'node:timers/promises'

export interface BackgroundReindex {
  /**
   * Adds the missing words of orders that an earlier version stored (search-reindex.ts). A step takes at most `orders`
   * of these orders. Resolves to false when none are left.
   */
  readonly step: (orders: number) => Promise<boolean>
  readonly onFailed: (error: unknown) => void
  /** Once this signal is aborted, no further step begins. */
  readonly signal: AbortSignal
}

/** A step of this size delays storing by about ten milliseconds. Steps are smaller if orders have many items. */
const ORDERS_AT_ONCE = 256
/**
 * Batches can be stored during the pause between steps. Each pause lasts as long as the step before it, but at least
 * this long.
 */
const MIN_PAUSE_MS = 10
/**
 * A step fails if the file is busy or the disk is full. It is retried after this time, because nothing else would
 * trigger another attempt.
 */
const RETRY_MS = 60_000

/** Runs all steps while orders continue to be stored and read. Never rejects; resolves after the last step. */
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
